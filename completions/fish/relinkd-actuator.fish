# SPDX-License-Identifier: Apache-2.0
# Completion of relinkd-actuator(8) for fish.

complete -c relinkd-actuator -f
complete -c relinkd-actuator -l help -s h -d 'Print a summary of the options'
complete -c relinkd-actuator -l config -rF -d 'Configuration file'
complete -c relinkd-actuator -l check -d 'Check the configuration and exit'
complete -c relinkd-actuator -l version -d 'Print the version'
