# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_infra_monitor_global_optspecs
    string join \n h/help V/version
end

function __fish_infra_monitor_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_infra_monitor_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_infra_monitor_using_subcommand
    set -l cmd (__fish_infra_monitor_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c infra_monitor -n "__fish_infra_monitor_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c infra_monitor -n "__fish_infra_monitor_needs_command" -s V -l version -d 'Print version'
complete -c infra_monitor -n "__fish_infra_monitor_needs_command" -f -a "run" -d 'Run the monitor: capture, poll, check, log'
complete -c infra_monitor -n "__fish_infra_monitor_needs_command" -f -a "check" -d 'Check a configuration file; show every mistake with line and column'
complete -c infra_monitor -n "__fish_infra_monitor_needs_command" -f -a "demo" -d 'See everything at work on a simulated pump station'
complete -c infra_monitor -n "__fish_infra_monitor_needs_command" -f -a "replay" -d 'Judge capture files as if they were live'
complete -c infra_monitor -n "__fish_infra_monitor_needs_command" -f -a "learn" -d 'Write down who asks what of whom, as a baseline to review'
complete -c infra_monitor -n "__fish_infra_monitor_needs_command" -f -a "read" -d 'Read values from one controller, once or again and again'
complete -c infra_monitor -n "__fish_infra_monitor_needs_command" -f -a "probe" -d 'Find out what a new device is and what can be read of it'
complete -c infra_monitor -n "__fish_infra_monitor_needs_command" -f -a "open-sockets" -d 'Open packet sockets for a daemon without privilege (for the systemd unit)'
complete -c infra_monitor -n "__fish_infra_monitor_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c infra_monitor -n "__fish_infra_monitor_using_subcommand run" -l config -d 'Configuration to run with' -r -F
complete -c infra_monitor -n "__fish_infra_monitor_using_subcommand run" -l log -d 'Where events go, and how [default: text on a terminal; journald where there is a journal; else json]' -r -f -a "journald\t'The systemd journal, with searchable fields'
json\t'Standard output, one JSON object a line'
text\t'Standard output, for reading'"
complete -c infra_monitor -n "__fish_infra_monitor_using_subcommand run" -l allow-root -d 'Run as root, which is refused otherwise'
complete -c infra_monitor -n "__fish_infra_monitor_using_subcommand run" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c infra_monitor -n "__fish_infra_monitor_using_subcommand check" -s h -l help -d 'Print help'
complete -c infra_monitor -n "__fish_infra_monitor_using_subcommand demo" -l for -d 'Stop after this time, such as 30s or 2m [default: at Ctrl-C]' -r
complete -c infra_monitor -n "__fish_infra_monitor_using_subcommand demo" -l log -d 'How events are printed' -r -f -a "text\t'For reading'
json\t'One JSON object a line'"
complete -c infra_monitor -n "__fish_infra_monitor_using_subcommand demo" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c infra_monitor -n "__fish_infra_monitor_using_subcommand replay" -l format -d 'How the summary, the events and the transactions are printed' -r -f -a "text\t'For reading'
json\t'One JSON object a line'"
complete -c infra_monitor -n "__fish_infra_monitor_using_subcommand replay" -l baseline -d 'Tell what this baseline does not allow, as event baseline.deviation' -r -F
complete -c infra_monitor -n "__fish_infra_monitor_using_subcommand replay" -l events -d 'Print each event too, before the summary'
complete -c infra_monitor -n "__fish_infra_monitor_using_subcommand replay" -l transactions -d 'Print each Modbus transaction with all its values, before the summary'
complete -c infra_monitor -n "__fish_infra_monitor_using_subcommand replay" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c infra_monitor -n "__fish_infra_monitor_using_subcommand learn" -l config -d 'Configuration that names the captures' -r -F
complete -c infra_monitor -n "__fish_infra_monitor_using_subcommand learn" -l for -d 'Stop after this time, such as 30m or 24h [default: at Ctrl-C]' -r
complete -c infra_monitor -n "__fish_infra_monitor_using_subcommand learn" -l output -d 'Baseline to write or to add to; - is standard output' -r -F
complete -c infra_monitor -n "__fish_infra_monitor_using_subcommand learn" -s h -l help -d 'Print help'
complete -c infra_monitor -n "__fish_infra_monitor_using_subcommand read" -l unit -d 'Modbus unit identifier; 1 to 247 on a serial line' -r
complete -c infra_monitor -n "__fish_infra_monitor_using_subcommand read" -l type -d 'IEC 61131-3 type of the values [default: BOOL for bits, UINT for registers]' -r
complete -c infra_monitor -n "__fish_infra_monitor_using_subcommand read" -l order -d 'Order of bytes in values of several registers: ABCD, CDAB, BADC or DCBA' -r
complete -c infra_monitor -n "__fish_infra_monitor_using_subcommand read" -l addressing -d 'What %M and %Q addresses mean' -r -f -a "direct\t'%MWn is holding n, %MDn holding 2n'
openplc\t'%QWn is holding n, %MWn 1024+n, %MDn 2048+2n, %MLn 4096+4n'"
complete -c infra_monitor -n "__fish_infra_monitor_using_subcommand read" -l timeout -d 'How long to wait for each reply; a silent serial line is asked five times' -r
complete -c infra_monitor -n "__fish_infra_monitor_using_subcommand read" -l format -d 'How values are printed' -r -f -a "text\t'For reading'
json\t'One JSON object a line'"
complete -c infra_monitor -n "__fish_infra_monitor_using_subcommand read" -l watch -d 'Read again and again until Ctrl-C, each time this long after the last [default: 1s]' -r
complete -c infra_monitor -n "__fish_infra_monitor_using_subcommand read" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c infra_monitor -n "__fish_infra_monitor_using_subcommand probe" -l unit -d 'Look at this unit alone' -r
complete -c infra_monitor -n "__fish_infra_monitor_using_subcommand probe" -l units -d 'Call these units, such as 1-20 or 1,3,7-9' -r
complete -c infra_monitor -n "__fish_infra_monitor_using_subcommand probe" -l at -d 'Decode the registers from here on in every byte order: %MW100, holding:100, 40101, …' -r
complete -c infra_monitor -n "__fish_infra_monitor_using_subcommand probe" -l addressing -d 'What %M and %Q addresses mean' -r -f -a "direct\t'%MWn is holding n, %MDn holding 2n'
openplc\t'%QWn is holding n, %MWn 1024+n, %MDn 2048+2n, %MLn 4096+4n'"
complete -c infra_monitor -n "__fish_infra_monitor_using_subcommand probe" -l timeout -d 'How long to wait for each reply [default: 1s, and 200ms to call many serial units]' -r
complete -c infra_monitor -n "__fish_infra_monitor_using_subcommand probe" -l pause -d 'Silence before each request, up to 10s' -r
complete -c infra_monitor -n "__fish_infra_monitor_using_subcommand probe" -l format -d 'How findings are printed' -r -f -a "text\t'For reading'
json\t'One JSON object a line'"
complete -c infra_monitor -n "__fish_infra_monitor_using_subcommand probe" -l write-config -d 'Print a [[modbus]] section for the configuration instead'
complete -c infra_monitor -n "__fish_infra_monitor_using_subcommand probe" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c infra_monitor -n "__fish_infra_monitor_using_subcommand open-sockets" -l config -d 'Configuration that says how many' -r -F
complete -c infra_monitor -n "__fish_infra_monitor_using_subcommand open-sockets" -s h -l help -d 'Print help'
complete -c infra_monitor -n "__fish_infra_monitor_using_subcommand help; and not __fish_seen_subcommand_from run check demo replay learn read probe open-sockets help" -f -a "run" -d 'Run the monitor: capture, poll, check, log'
complete -c infra_monitor -n "__fish_infra_monitor_using_subcommand help; and not __fish_seen_subcommand_from run check demo replay learn read probe open-sockets help" -f -a "check" -d 'Check a configuration file; show every mistake with line and column'
complete -c infra_monitor -n "__fish_infra_monitor_using_subcommand help; and not __fish_seen_subcommand_from run check demo replay learn read probe open-sockets help" -f -a "demo" -d 'See everything at work on a simulated pump station'
complete -c infra_monitor -n "__fish_infra_monitor_using_subcommand help; and not __fish_seen_subcommand_from run check demo replay learn read probe open-sockets help" -f -a "replay" -d 'Judge capture files as if they were live'
complete -c infra_monitor -n "__fish_infra_monitor_using_subcommand help; and not __fish_seen_subcommand_from run check demo replay learn read probe open-sockets help" -f -a "learn" -d 'Write down who asks what of whom, as a baseline to review'
complete -c infra_monitor -n "__fish_infra_monitor_using_subcommand help; and not __fish_seen_subcommand_from run check demo replay learn read probe open-sockets help" -f -a "read" -d 'Read values from one controller, once or again and again'
complete -c infra_monitor -n "__fish_infra_monitor_using_subcommand help; and not __fish_seen_subcommand_from run check demo replay learn read probe open-sockets help" -f -a "probe" -d 'Find out what a new device is and what can be read of it'
complete -c infra_monitor -n "__fish_infra_monitor_using_subcommand help; and not __fish_seen_subcommand_from run check demo replay learn read probe open-sockets help" -f -a "open-sockets" -d 'Open packet sockets for a daemon without privilege (for the systemd unit)'
complete -c infra_monitor -n "__fish_infra_monitor_using_subcommand help; and not __fish_seen_subcommand_from run check demo replay learn read probe open-sockets help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
