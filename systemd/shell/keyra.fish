# Made by .ci/shell.py, with shtab.

function _shtab_keyra_scan
  set -g _shtab_keyra_cmdpath ''
  set -g _shtab_keyra_npos 0
  set -l tokens (commandline -opc)
  set -e tokens[1]
  set -l expect_value 0
  for t in $tokens
    if test $expect_value -eq 1
      set expect_value 0
      continue
    end
    switch "$t"
      case '--*=*'
        continue
      case '-*'
        if contains -- $t $_shtab_keyra_opts_with_value
          set expect_value 1
        end
        continue
      case '*'
        if test $_shtab_keyra_npos -eq 0
          set -l candidate $t
          if test -n "$_shtab_keyra_cmdpath"
            set candidate "$_shtab_keyra_cmdpath $t"
          end
          if contains -- $candidate $_shtab_keyra_commands
            set -g _shtab_keyra_cmdpath $candidate
            continue
          end
        end
        set -g _shtab_keyra_npos (math $_shtab_keyra_npos + 1)
    end
  end
end

# Condition helper: true if the current (sub)command path equals the given one.
function _shtab_keyra_using
  _shtab_keyra_scan
  test "$_shtab_keyra_cmdpath" = "$argv"
end

set -g _shtab_keyra_commands status credentials holders 'holders import' 'holders export' 'holders suspend' 'holders resume' 'holders change' stats tail console enrol trial credential erase lockdown mode orders approve withdraw acknowledge rights commission self-test explain policy 'policy show' 'policy test' 'policy replay' check-config write-config print-config doctor print-strike init run demo backup restore
set -g _shtab_keyra_opts_with_value --as --break-glass --check --config --for --from --group --identity --key --key-until --keys --matching --minutes --name --new-identity --of --out --picture --policy --recipient --replaces --role --seal-key --seed --simulated --socket --state-dir --to --uid --until --uses --vkey -n

complete -c keyra -e
complete -c keyra -f

complete -c keyra -n _shtab_keyra_using -s h -l help -d 'show this help message and exit'
complete -c keyra -n _shtab_keyra_using -l version -d 'print it and end'
complete -c keyra -n _shtab_keyra_using -l socket -x -d 'of the gateway (KEYRA_SOCKET; default /run/keyra/gateway.sock)'
complete -c keyra -n '_shtab_keyra_using; and test $_shtab_keyra_npos -eq 0' -a status -d 'Show the gateway at a glance.'
complete -c keyra -n '_shtab_keyra_using status' -s h -l help -d 'show this help message and exit'
complete -c keyra -n '_shtab_keyra_using status' -l json -d 'print JSON'
complete -c keyra -n '_shtab_keyra_using; and test $_shtab_keyra_npos -eq 0' -a credentials -d 'List the credentials.'
complete -c keyra -n '_shtab_keyra_using credentials' -s h -l help -d 'show this help message and exit'
complete -c keyra -n '_shtab_keyra_using credentials' -l of -x -d 'this holder'"'"'s alone'
complete -c keyra -n '_shtab_keyra_using credentials' -l json -d 'print JSON'
complete -c keyra -n '_shtab_keyra_using; and test $_shtab_keyra_npos -eq 0' -a holders -d 'List, change, import, export.'
complete -c keyra -n '_shtab_keyra_using holders' -s h -l help -d 'show this help message and exit'
complete -c keyra -n '_shtab_keyra_using holders' -l json -d 'print JSON'
complete -c keyra -n '_shtab_keyra_using holders' -l matching -x -d 'with this in pseudonym, name, groups or role'
complete -c keyra -n '_shtab_keyra_using holders; and test $_shtab_keyra_npos -eq 0' -a import -d 'Register or change those in a CSV table.'
complete -c keyra -n '_shtab_keyra_using holders import' -s h -l help -d 'show this help message and exit'
complete -c keyra -n '_shtab_keyra_using holders import' -l dry-run -d 'change nothing'
complete -c keyra -n '_shtab_keyra_using holders import' -l as -x -d 'whose key signs (KEYRA_SIGNER)'
complete -c keyra -n '_shtab_keyra_using holders import' -l break-glass -x -d 'as root, without a finger: loud, and stays in the ledger'
complete -c keyra -n '_shtab_keyra_using holders import' -l json -d 'print JSON'
complete -c keyra -n '_shtab_keyra_using holders import; and test $_shtab_keyra_npos -eq 0' -ka "(__fish_complete_path (commandline -ct))" -d 'or - for stdin'
complete -c keyra -n '_shtab_keyra_using holders; and test $_shtab_keyra_npos -eq 0' -a export -d 'Write all holders as a CSV table.'
complete -c keyra -n '_shtab_keyra_using holders export' -s h -l help -d 'show this help message and exit'
complete -c keyra -n '_shtab_keyra_using holders export' -l json -d 'print JSON'
complete -c keyra -n '_shtab_keyra_using holders export; and test $_shtab_keyra_npos -eq 0' -ka "(__fish_complete_path (commandline -ct))" -d 'must not be there yet; - for stdout (the default)'
complete -c keyra -n '_shtab_keyra_using holders; and test $_shtab_keyra_npos -eq 0' -a suspend -d 'Suspend a holder with all of their keys.'
complete -c keyra -n '_shtab_keyra_using holders suspend' -s h -l help -d 'show this help message and exit'
complete -c keyra -n '_shtab_keyra_using holders suspend' -l as -x -d 'whose key signs (KEYRA_SIGNER)'
complete -c keyra -n '_shtab_keyra_using holders suspend' -l break-glass -x -d 'as root, without a finger: loud, and stays in the ledger'
complete -c keyra -n '_shtab_keyra_using holders suspend' -l json -d 'print JSON'
complete -c keyra -n '_shtab_keyra_using holders; and test $_shtab_keyra_npos -eq 0' -a resume -d 'Let a suspended holder'"'"'s keys work again.'
complete -c keyra -n '_shtab_keyra_using holders resume' -s h -l help -d 'show this help message and exit'
complete -c keyra -n '_shtab_keyra_using holders resume' -l as -x -d 'whose key signs (KEYRA_SIGNER)'
complete -c keyra -n '_shtab_keyra_using holders resume' -l break-glass -x -d 'as root, without a finger: loud, and stays in the ledger'
complete -c keyra -n '_shtab_keyra_using holders resume' -l json -d 'print JSON'
complete -c keyra -n '_shtab_keyra_using holders; and test $_shtab_keyra_npos -eq 0' -a change -d 'Change what is said; the rest stays.'
complete -c keyra -n '_shtab_keyra_using holders change' -s h -l help -d 'show this help message and exit'
complete -c keyra -n '_shtab_keyra_using holders change' -l name -x -d 'a new name; stays here'
complete -c keyra -n '_shtab_keyra_using holders change' -l group -x -d 'the groups from now on, one by one'
complete -c keyra -n '_shtab_keyra_using holders change' -l no-groups -d none
complete -c keyra -n '_shtab_keyra_using holders change' -l from -x -d 'valid from: 2031-12-31T18:00+01:00, or none'
complete -c keyra -n '_shtab_keyra_using holders change' -l until -x -d 'valid until: 2031-12-31T18:00+01:00, or none'
complete -c keyra -n '_shtab_keyra_using holders change' -l extended -l no-extended -d 'needs more time at a door'
complete -c keyra -n '_shtab_keyra_using holders change' -l role -xka "admin operator auditor none" -d 'what they may order; root enrols the first admin'
complete -c keyra -n '_shtab_keyra_using holders change' -l uses -x -d 'a visitor'"'"'s pass: how often they may ever pass; 0 for no bound'
complete -c keyra -n '_shtab_keyra_using holders change' -l as -x -d 'whose key signs (KEYRA_SIGNER)'
complete -c keyra -n '_shtab_keyra_using holders change' -l break-glass -x -d 'as root, without a finger: loud, and stays in the ledger'
complete -c keyra -n '_shtab_keyra_using holders change' -l json -d 'print JSON'
complete -c keyra -n '_shtab_keyra_using; and test $_shtab_keyra_npos -eq 0' -a stats -d 'Show what was measured, with curves.'
complete -c keyra -n '_shtab_keyra_using stats' -s h -l help -d 'show this help message and exit'
complete -c keyra -n '_shtab_keyra_using stats' -l minutes -x -d 'of the last N minutes (default 60)'
complete -c keyra -n '_shtab_keyra_using stats' -l json -d 'print JSON'
complete -c keyra -n '_shtab_keyra_using; and test $_shtab_keyra_npos -eq 0' -a tail -d 'Follow what happens; Ctrl-C ends it.'
complete -c keyra -n '_shtab_keyra_using tail' -s h -l help -d 'show this help message and exit'
complete -c keyra -n '_shtab_keyra_using tail' -s n -x -d 'begin with the last N events (default 10)'
complete -c keyra -n '_shtab_keyra_using tail' -l json -d 'print JSON'
complete -c keyra -n '_shtab_keyra_using; and test $_shtab_keyra_npos -eq 0' -a console -d 'Open the console on this terminal.'
complete -c keyra -n '_shtab_keyra_using console' -s h -l help -d 'show this help message and exit'
complete -c keyra -n '_shtab_keyra_using console' -l read-only -d 'without any key that changes anything'
complete -c keyra -n '_shtab_keyra_using; and test $_shtab_keyra_npos -eq 0' -a enrol -d 'Register a holder'"'"'s key, live.'
complete -c keyra -n '_shtab_keyra_using enrol' -s h -l help -d 'show this help message and exit'
complete -c keyra -n '_shtab_keyra_using enrol' -l name -x -d 'the person'"'"'s name; stays here'
complete -c keyra -n '_shtab_keyra_using enrol' -l group -x -d 'the groups from now on, one by one'
complete -c keyra -n '_shtab_keyra_using enrol' -l no-groups -d none
complete -c keyra -n '_shtab_keyra_using enrol' -l from -x -d 'valid from: 2031-12-31T18:00+01:00, or none'
complete -c keyra -n '_shtab_keyra_using enrol' -l until -x -d 'valid until: 2031-12-31T18:00+01:00, or none'
complete -c keyra -n '_shtab_keyra_using enrol' -l extended -l no-extended -d 'needs more time at a door'
complete -c keyra -n '_shtab_keyra_using enrol' -l role -xka "admin operator auditor none" -d 'what they may order; root enrols the first admin'
complete -c keyra -n '_shtab_keyra_using enrol' -l uses -x -d 'a visitor'"'"'s pass: how often they may ever pass; 0 for no bound'
complete -c keyra -n '_shtab_keyra_using enrol' -l key-until -x -d 'the key is valid until: 2031-12-31, or 2031-12-31T18:00+01:00'
complete -c keyra -n '_shtab_keyra_using enrol' -l replaces -x -d 'the id of a lost key, which is revoked as this one is registered'
complete -c keyra -n '_shtab_keyra_using enrol' -l duress -d 'a key for when its holder is forced: opens as usual and calls silently'
complete -c keyra -n '_shtab_keyra_using enrol' -l as -x -d 'whose key signs (KEYRA_SIGNER)'
complete -c keyra -n '_shtab_keyra_using enrol' -l break-glass -x -d 'as root, without a finger: loud, and stays in the ledger'
complete -c keyra -n '_shtab_keyra_using enrol' -l json -d 'print JSON'
complete -c keyra -n '_shtab_keyra_using; and test $_shtab_keyra_npos -eq 0' -a trial -d 'Try a key; its touch opens nothing.'
complete -c keyra -n '_shtab_keyra_using trial' -s h -l help -d 'show this help message and exit'
complete -c keyra -n '_shtab_keyra_using trial' -l json -d 'print JSON'
complete -c keyra -n '_shtab_keyra_using; and test $_shtab_keyra_npos -eq 0' -a credential -d 'Suspend, resume or revoke.'
complete -c keyra -n '_shtab_keyra_using credential' -s h -l help -d 'show this help message and exit'
complete -c keyra -n '_shtab_keyra_using credential' -l yes -d 'revoke unasked'
complete -c keyra -n '_shtab_keyra_using credential' -l as -x -d 'whose key signs (KEYRA_SIGNER)'
complete -c keyra -n '_shtab_keyra_using credential' -l break-glass -x -d 'as root, without a finger: loud, and stays in the ledger'
complete -c keyra -n '_shtab_keyra_using credential' -l json -d 'print JSON'
complete -c keyra -n '_shtab_keyra_using credential; and test $_shtab_keyra_npos -eq 0' -ka "suspend resume revoke" -d action
complete -c keyra -n '_shtab_keyra_using; and test $_shtab_keyra_npos -eq 0' -a erase -d 'Remove a holder'"'"'s name for good.'
complete -c keyra -n '_shtab_keyra_using erase' -s h -l help -d 'show this help message and exit'
complete -c keyra -n '_shtab_keyra_using erase' -l yes -d 'erase unasked'
complete -c keyra -n '_shtab_keyra_using erase' -l as -x -d 'whose key signs (KEYRA_SIGNER)'
complete -c keyra -n '_shtab_keyra_using erase' -l break-glass -x -d 'as root, without a finger: loud, and stays in the ledger'
complete -c keyra -n '_shtab_keyra_using erase' -l json -d 'print JSON'
complete -c keyra -n '_shtab_keyra_using; and test $_shtab_keyra_npos -eq 0' -a lockdown -d 'Deny every key from now on.'
complete -c keyra -n '_shtab_keyra_using lockdown' -s h -l help -d 'show this help message and exit'
complete -c keyra -n '_shtab_keyra_using lockdown' -l for -x -d 'such as 90s, 30m, 8h or 2d; else until it is lifted'
complete -c keyra -n '_shtab_keyra_using lockdown' -l as -x -d 'whose key signs (KEYRA_SIGNER)'
complete -c keyra -n '_shtab_keyra_using lockdown' -l break-glass -x -d 'as root, without a finger: loud, and stays in the ledger'
complete -c keyra -n '_shtab_keyra_using lockdown' -l json -d 'print JSON'
complete -c keyra -n '_shtab_keyra_using; and test $_shtab_keyra_npos -eq 0' -a mode -d 'Order a mode; Locked lifts what is.'
complete -c keyra -n '_shtab_keyra_using mode' -s h -l help -d 'show this help message and exit'
complete -c keyra -n '_shtab_keyra_using mode' -l for -x -d 'such as 90s, 30m, 8h or 2d; else until it is lifted'
complete -c keyra -n '_shtab_keyra_using mode' -l as -x -d 'whose key signs (KEYRA_SIGNER)'
complete -c keyra -n '_shtab_keyra_using mode' -l break-glass -x -d 'as root, without a finger: loud, and stays in the ledger'
complete -c keyra -n '_shtab_keyra_using mode' -l json -d 'print JSON'
complete -c keyra -n '_shtab_keyra_using mode; and test $_shtab_keyra_npos -eq 0' -ka "Locked Unlocked Blocked LockedDown LockedOpen" -d mode
complete -c keyra -n '_shtab_keyra_using; and test $_shtab_keyra_npos -eq 0' -a orders -d 'List the orders that wait.'
complete -c keyra -n '_shtab_keyra_using orders' -s h -l help -d 'show this help message and exit'
complete -c keyra -n '_shtab_keyra_using orders' -l json -d 'print JSON'
complete -c keyra -n '_shtab_keyra_using; and test $_shtab_keyra_npos -eq 0' -a approve -d 'Sign an order that somebody else proposed.'
complete -c keyra -n '_shtab_keyra_using approve' -s h -l help -d 'show this help message and exit'
complete -c keyra -n '_shtab_keyra_using approve' -l as -x -d 'whose key signs (KEYRA_SIGNER)'
complete -c keyra -n '_shtab_keyra_using approve' -l break-glass -x -d 'as root, without a finger: loud, and stays in the ledger'
complete -c keyra -n '_shtab_keyra_using approve' -l json -d 'print JSON'
complete -c keyra -n '_shtab_keyra_using; and test $_shtab_keyra_npos -eq 0' -a withdraw -d 'Take an order back.'
complete -c keyra -n '_shtab_keyra_using withdraw' -s h -l help -d 'show this help message and exit'
complete -c keyra -n '_shtab_keyra_using withdraw' -l as -x -d 'whose key signs (KEYRA_SIGNER)'
complete -c keyra -n '_shtab_keyra_using withdraw' -l break-glass -x -d 'as root, without a finger: loud, and stays in the ledger'
complete -c keyra -n '_shtab_keyra_using withdraw' -l json -d 'print JSON'
complete -c keyra -n '_shtab_keyra_using; and test $_shtab_keyra_npos -eq 0' -a acknowledge -d 'Sign for having seen that somebody broke the glass.'
complete -c keyra -n '_shtab_keyra_using acknowledge' -s h -l help -d 'show this help message and exit'
complete -c keyra -n '_shtab_keyra_using acknowledge' -l as -x -d 'whose key signs (KEYRA_SIGNER)'
complete -c keyra -n '_shtab_keyra_using acknowledge' -l break-glass -x -d 'as root, without a finger: loud, and stays in the ledger'
complete -c keyra -n '_shtab_keyra_using acknowledge' -l json -d 'print JSON'
complete -c keyra -n '_shtab_keyra_using; and test $_shtab_keyra_npos -eq 0' -a rights -d 'Show who may change what.'
complete -c keyra -n '_shtab_keyra_using rights' -s h -l help -d 'show this help message and exit'
complete -c keyra -n '_shtab_keyra_using rights' -l json -d 'print JSON'
complete -c keyra -n '_shtab_keyra_using; and test $_shtab_keyra_npos -eq 0' -a commission -d 'Confirm that the way out works.'
complete -c keyra -n '_shtab_keyra_using commission' -s h -l help -d 'show this help message and exit'
complete -c keyra -n '_shtab_keyra_using commission' -l json -d 'print JSON'
complete -c keyra -n '_shtab_keyra_using; and test $_shtab_keyra_npos -eq 0' -a self-test -d 'Have the door try itself.'
complete -c keyra -n '_shtab_keyra_using self-test' -s h -l help -d 'show this help message and exit'
complete -c keyra -n '_shtab_keyra_using self-test' -l unattended -d 'nobody stands there to be asked'
complete -c keyra -n '_shtab_keyra_using self-test' -l json -d 'print JSON'
complete -c keyra -n '_shtab_keyra_using; and test $_shtab_keyra_npos -eq 0' -a explain -d 'Show every rule'"'"'s answer, past or future.'
complete -c keyra -n '_shtab_keyra_using explain' -s h -l help -d 'show this help message and exit'
complete -c keyra -n '_shtab_keyra_using explain' -l key -x -d 'with this key; its beginning'
complete -c keyra -n '_shtab_keyra_using explain' -l config -xka "(__fish_complete_path (commandline -ct))" -d 'default /etc/keyra/gateway.toml'
complete -c keyra -n '_shtab_keyra_using explain' -l json -d 'print JSON'
complete -c keyra -n '_shtab_keyra_using; and test $_shtab_keyra_npos -eq 0' -a policy -d 'Show, test or replay the policy.'
complete -c keyra -n '_shtab_keyra_using policy' -s h -l help -d 'show this help message and exit'
complete -c keyra -n '_shtab_keyra_using policy; and test $_shtab_keyra_npos -eq 0' -a show -d 'Print it as it is understood.'
complete -c keyra -n '_shtab_keyra_using policy show' -s h -l help -d 'show this help message and exit'
complete -c keyra -n '_shtab_keyra_using policy show' -l config -xka "(__fish_complete_path (commandline -ct))" -d 'default /etc/keyra/gateway.toml'
complete -c keyra -n '_shtab_keyra_using policy show' -l json -d 'print JSON'
complete -c keyra -n '_shtab_keyra_using policy; and test $_shtab_keyra_npos -eq 0' -a test -d 'Rehearse a table of expectations.'
complete -c keyra -n '_shtab_keyra_using policy test' -s h -l help -d 'show this help message and exit'
complete -c keyra -n '_shtab_keyra_using policy test' -l config -xka "(__fish_complete_path (commandline -ct))" -d 'default /etc/keyra/gateway.toml'
complete -c keyra -n '_shtab_keyra_using policy test' -l json -d 'print JSON'
complete -c keyra -n '_shtab_keyra_using policy test; and test $_shtab_keyra_npos -eq 0' -ka "(__fish_complete_path (commandline -ct))" -d 'see docs/policy.md'
complete -c keyra -n '_shtab_keyra_using policy; and test $_shtab_keyra_npos -eq 0' -a replay -d 'Ask a proposed policy about the past.'
complete -c keyra -n '_shtab_keyra_using policy replay' -s h -l help -d 'show this help message and exit'
complete -c keyra -n '_shtab_keyra_using policy replay' -l policy -xka "(__fish_complete_path (commandline -ct))" -d 'the proposed config, whole'
complete -c keyra -n '_shtab_keyra_using policy replay' -l config -xka "(__fish_complete_path (commandline -ct))" -d 'default /etc/keyra/gateway.toml'
complete -c keyra -n '_shtab_keyra_using policy replay' -l json -d 'print JSON'
complete -c keyra -n '_shtab_keyra_using; and test $_shtab_keyra_npos -eq 0' -a check-config -d 'Check the config file.'
complete -c keyra -n '_shtab_keyra_using check-config' -s h -l help -d 'show this help message and exit'
complete -c keyra -n '_shtab_keyra_using check-config' -l config -xka "(__fish_complete_path (commandline -ct))" -d 'default /etc/keyra/gateway.toml'
complete -c keyra -n '_shtab_keyra_using check-config' -l json -d 'print JSON'
complete -c keyra -n '_shtab_keyra_using; and test $_shtab_keyra_npos -eq 0' -a write-config -d 'Ask for the settings of a door.'
complete -c keyra -n '_shtab_keyra_using write-config' -s h -l help -d 'show this help message and exit'
complete -c keyra -n '_shtab_keyra_using write-config' -l json -d 'print JSON'
complete -c keyra -n '_shtab_keyra_using write-config; and test $_shtab_keyra_npos -eq 0' -ka "(__fish_complete_path (commandline -ct))" -d 'must not be there yet'
complete -c keyra -n '_shtab_keyra_using; and test $_shtab_keyra_npos -eq 0' -a print-config -d 'Print all defaults, explained.'
complete -c keyra -n '_shtab_keyra_using print-config' -s h -l help -d 'show this help message and exit'
complete -c keyra -n '_shtab_keyra_using; and test $_shtab_keyra_npos -eq 0' -a doctor -d 'Find what is wrong, and say what to do.'
complete -c keyra -n '_shtab_keyra_using doctor' -s h -l help -d 'show this help message and exit'
complete -c keyra -n '_shtab_keyra_using doctor' -l config -xka "(__fish_complete_path (commandline -ct))" -d 'default /etc/keyra/gateway.toml'
complete -c keyra -n '_shtab_keyra_using doctor' -l json -d 'print JSON'
complete -c keyra -n '_shtab_keyra_using; and test $_shtab_keyra_npos -eq 0' -a print-strike -d 'Print what gateway.toml means for keyra-strike, the boot or systemd.'
complete -c keyra -n '_shtab_keyra_using print-strike' -s h -l help -d 'show this help message and exit'
complete -c keyra -n '_shtab_keyra_using print-strike' -l uid -x -d 'whose processes the strike obeys (default: yours)'
complete -c keyra -n '_shtab_keyra_using print-strike' -l config -xka "(__fish_complete_path (commandline -ct))" -d 'default /etc/keyra/gateway.toml'
complete -c keyra -n '_shtab_keyra_using print-strike; and test $_shtab_keyra_npos -eq 0' -ka "env boot chip" -d kind
complete -c keyra -n '_shtab_keyra_using; and test $_shtab_keyra_npos -eq 0' -a init -d 'Make signing key and ledger; run once.'
complete -c keyra -n '_shtab_keyra_using init' -s h -l help -d 'show this help message and exit'
complete -c keyra -n '_shtab_keyra_using init' -l config -xka "(__fish_complete_path (commandline -ct))" -d 'default /etc/keyra/gateway.toml'
complete -c keyra -n '_shtab_keyra_using init' -l json -d 'print JSON'
complete -c keyra -n '_shtab_keyra_using; and test $_shtab_keyra_npos -eq 0' -a run -d 'Run the gateway in the foreground.'
complete -c keyra -n '_shtab_keyra_using run' -s h -l help -d 'show this help message and exit'
complete -c keyra -n '_shtab_keyra_using run' -l config -xka "(__fish_complete_path (commandline -ct))" -d 'default /etc/keyra/gateway.toml'
complete -c keyra -n '_shtab_keyra_using run' -l simulated -xka "(__fish_complete_path (commandline -ct))" -d 'on simulated air, keys and pins, whose sockets are in DIR'
complete -c keyra -n '_shtab_keyra_using; and test $_shtab_keyra_npos -eq 0' -a demo -d 'Tell a story on a simulated door.'
complete -c keyra -n '_shtab_keyra_using demo' -s h -l help -d 'show this help message and exit'
complete -c keyra -n '_shtab_keyra_using demo' -l keys -x -d 'more keys in the air'
complete -c keyra -n '_shtab_keyra_using demo' -l seed -x -d seed
complete -c keyra -n '_shtab_keyra_using demo' -l out -xka "(__fish_complete_path (commandline -ct))" -d 'keep the export here'
complete -c keyra -n '_shtab_keyra_using demo' -l picture -xka "(__fish_complete_path (commandline -ct))" -d 'draw it as SVG'
complete -c keyra -n '_shtab_keyra_using demo' -l live -d 'no story: the console, and you at the door'
complete -c keyra -n '_shtab_keyra_using demo' -l plain -d 'plain lines, no colour'
complete -c keyra -n '_shtab_keyra_using; and test $_shtab_keyra_npos -eq 0' -a backup -d 'Make an encrypted backup; check one.'
complete -c keyra -n '_shtab_keyra_using backup' -s h -l help -d 'show this help message and exit'
complete -c keyra -n '_shtab_keyra_using backup' -l to -xka "(__fish_complete_path (commandline -ct))" -d 'not [backup] dir'
complete -c keyra -n '_shtab_keyra_using backup' -l recipient -x -d 'who can open it; not [backup] recipient'
complete -c keyra -n '_shtab_keyra_using backup' -l check -xka "(__fish_complete_path (commandline -ct))" -d 'make no backup: restore the ledger of this one aside, and verify it'
complete -c keyra -n '_shtab_keyra_using backup' -l new-identity -xka "(__fish_complete_path (commandline -ct))" -d 'make no backup: make who opens backups, and print the recipient'
complete -c keyra -n '_shtab_keyra_using backup' -l identity -xka "(__fish_complete_path (commandline -ct))" -d 'who can open the backup (age)'
complete -c keyra -n '_shtab_keyra_using backup' -l vkey -x -d 'the ledger'"'"'s verifier key, as you kept it'
complete -c keyra -n '_shtab_keyra_using backup' -l config -xka "(__fish_complete_path (commandline -ct))" -d 'default /etc/keyra/gateway.toml'
complete -c keyra -n '_shtab_keyra_using backup' -l json -d 'print JSON'
complete -c keyra -n '_shtab_keyra_using; and test $_shtab_keyra_npos -eq 0' -a restore -d 'Put a backup back.'
complete -c keyra -n '_shtab_keyra_using restore' -s h -l help -d 'show this help message and exit'
complete -c keyra -n '_shtab_keyra_using restore' -l state-dir -xka "(__fish_complete_path (commandline -ct))" -d 'not the config'"'"'s'
complete -c keyra -n '_shtab_keyra_using restore' -l names-only -d 'put back a people database that is missing, beside the ledger there'
complete -c keyra -n '_shtab_keyra_using restore' -l dry-run -d 'change nothing'
complete -c keyra -n '_shtab_keyra_using restore' -l seal-key -xka "(__fish_complete_path (commandline -ct))" -d 'the seal'"'"'s first key, from whoever audits: the seal goes on'
complete -c keyra -n '_shtab_keyra_using restore' -l seal-lost -d 'nobody has that key any more, so that nobody can check the seal'
complete -c keyra -n '_shtab_keyra_using restore' -l identity -xka "(__fish_complete_path (commandline -ct))" -d 'who can open the backup (age)'
complete -c keyra -n '_shtab_keyra_using restore' -l vkey -x -d 'the ledger'"'"'s verifier key, as you kept it'
complete -c keyra -n '_shtab_keyra_using restore' -l config -xka "(__fish_complete_path (commandline -ct))" -d 'default /etc/keyra/gateway.toml'
complete -c keyra -n '_shtab_keyra_using restore' -l json -d 'print JSON'
complete -c keyra -n '_shtab_keyra_using restore; and test $_shtab_keyra_npos -eq 0' -ka "(__fish_complete_path (commandline -ct))" -d 'the backup'
