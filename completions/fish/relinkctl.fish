# SPDX-License-Identifier: Apache-2.0
# Completion of relinkctl(1) for fish.

# The command on the line, of two words where it has two; nothing while there is none.
function __relinkctl_command
    set -l command
    set -l skip no
    for word in (commandline -opc)[2..]
        if test $skip = yes
            set skip no
            continue
        end
        switch $word
            case '--*=*'
            case --config --socket '--*-file' --server-name --expect --timeout --since --netns
                set skip yes
            case '-*'
            case '*'
                if test -z "$command"; or contains -- "$command" config sysctl tune
                    set command (string join ' ' $command $word)
                end
        end
    end
    echo $command
end

function __relinkctl_is
    contains -- (__relinkctl_command) $argv
end

# --config and --socket as they stand on the line.
function __relinkctl_from
    set -l words (commandline -opc)
    for i in (seq 2 (count $words))
        switch $words[$i]
            case --config --socket
                printf '%s\n' $words[$i] $words[(math $i + 1)]
            case '--config=*' '--socket=*'
                printf '%s\n' $words[$i]
        end
    end
end

# __relinkctl_names endpoint|app: as relinkctl itself knows them. Nothing if it cannot tell, or takes
# its time: whoever presses a key does not wait.
function __relinkctl_names
    set -l relinkctl (commandline -opc)[1]
    timeout 2 $relinkctl (__relinkctl_from) config show --json 2>/dev/null |
        string match -arg "\"key\": *\"$argv[1]\.([^\"]*)\.name\""
end

# All that can be explained: relinkctl lists it when it is asked for something else.
function __relinkctl_texts
    set -l relinkctl (commandline -opc)[1]
    timeout 2 $relinkctl explain '' 2>&1 >/dev/null |
        string match -r '^  .*' | string split -n ' ' | string match -r '^[a-z_]+$'
end

complete -c relinkctl -f
complete -c relinkctl -l help -s h -d 'Print a summary of the options'
complete -c relinkctl -l config -rF -d 'Configuration, in which the control socket is found'
complete -c relinkctl -l socket -rF -d 'Control socket'
complete -c relinkctl -n '__relinkctl_is ""' -l version -d 'Print the version'

complete -c relinkctl -n '__relinkctl_is ""' -a status -d 'Endpoints and what is wrong with them'
complete -c relinkctl -n '__relinkctl_is ""' -a apps -d 'The sockets of apps by node and state'
complete -c relinkctl -n '__relinkctl_is ""' -a closes -d 'Why connections of apps ended'
complete -c relinkctl -n '__relinkctl_is ""' -a relink -d 'Make an app reconnect now'
complete -c relinkctl -n '__relinkctl_is ""' -a reset -d "Close an app's breaker"
complete -c relinkctl -n '__relinkctl_is ""' -a tune -d "The protection of the apps' live sockets"
complete -c relinkctl -n '__relinkctl_is ""' -a pause -d 'Stop all actions for apps'
complete -c relinkctl -n '__relinkctl_is ""' -a resume -d 'Allow actions again'
complete -c relinkctl -n '__relinkctl_is ""' -a check -d 'Try a server once, without relinkd'
complete -c relinkctl -n '__relinkctl_is ""' -a events -d 'The last events'
complete -c relinkctl -n '__relinkctl_is ""' -a incidents -d 'What began and ended when'
complete -c relinkctl -n '__relinkctl_is ""' -a config -d 'The configuration'
complete -c relinkctl -n '__relinkctl_is ""' -a reload -d 'Read the configuration anew'
complete -c relinkctl -n '__relinkctl_is ""' -a explain -d 'What a condition means'
complete -c relinkctl -n '__relinkctl_is ""' -a sysctl -d "The kernel's settings"

complete -c relinkctl -n '__relinkctl_is status' -a '(__relinkctl_names endpoint)'
complete -c relinkctl -n '__relinkctl_is status' -l watch -d 'Draw anew at each event'
complete -c relinkctl -n '__relinkctl_is apps closes relink reset "tune show" "tune apply" "tune revert"' \
    -a '(__relinkctl_names app)'
complete -c relinkctl -n '__relinkctl_is closes' -l all -d 'Those of every day, too'
complete -c relinkctl -n '__relinkctl_is relink' -l dry-run -d 'Only say what would be done'
complete -c relinkctl -n '__relinkctl_is tune' -a show -d 'Which sockets were made stricter'
complete -c relinkctl -n '__relinkctl_is tune' -a apply -d 'Protect them at once and again'
complete -c relinkctl -n '__relinkctl_is tune' -a revert -d 'Put back what the app had set'
complete -c relinkctl -n '__relinkctl_is pause' -a '10m 30m 1h 2h'
complete -c relinkctl -n '__relinkctl_is events' -l follow -s f -d 'Go on with new ones'
complete -c relinkctl -n '__relinkctl_is incidents' -l since -x -a '1h 1d 7d' -d 'A time, or a time ago'
complete -c relinkctl -n '__relinkctl_is explain' -a '(__relinkctl_texts)'
complete -c relinkctl -n '__relinkctl_is config' -a check -d 'All errors of the configuration'
complete -c relinkctl -n '__relinkctl_is config' -a show -d 'The configuration in force'
complete -c relinkctl -n '__relinkctl_is "config check"' -F
complete -c relinkctl -n '__relinkctl_is sysctl' -a check -d 'Whether they are applied'
complete -c relinkctl -n '__relinkctl_is sysctl' -a apply -d 'Set them, now and for the next boot'
complete -c relinkctl -n '__relinkctl_is sysctl' -a revert -d 'Put back what was before'
complete -c relinkctl -n '__relinkctl_is "sysctl check"' -l netns -x -a all -d 'Network namespaces'

complete -c relinkctl -n '__relinkctl_is check' -a 'redis:// rediss:// unix://'
complete -c relinkctl -n '__relinkctl_is check' -l password-file -rF -d 'File with the password'
complete -c relinkctl -n '__relinkctl_is check' -l ca-file -rF -d 'Trust these authorities'
complete -c relinkctl -n '__relinkctl_is check' -l cert-file -rF -d 'Client certificate'
complete -c relinkctl -n '__relinkctl_is check' -l key-file -rF -d 'Key of the client certificate'
complete -c relinkctl -n '__relinkctl_is check' -l server-name -x -d 'Name in the certificate'
complete -c relinkctl -n '__relinkctl_is check' -l no-verify -d 'Accept any certificate'
complete -c relinkctl -n '__relinkctl_is check' -l expect -x -a 'primary replica any' -d 'Role'
complete -c relinkctl -n '__relinkctl_is check' -l timeout -x -d 'Time for each step'

complete -c relinkctl -n '__relinkctl_is status apps closes check events incidents "config show" "sysctl check" "tune show"' \
    -l json -d 'For programs'
