# SPDX-License-Identifier: Apache-2.0
# Completion of relinkd(8) for fish.

complete -c relinkd -f
complete -c relinkd -l help -s h -d 'Print a summary of the options'
complete -c relinkd -l config -rF -d 'Configuration file'
complete -c relinkd -l endpoint -x -d 'Watch this, too' \
    -a 'redis:// rediss:// unix:// redis-sentinel:// redis-cluster://'
complete -c relinkd -l check -d 'Check the configuration and exit'
complete -c relinkd -l version -d 'Print the version'
