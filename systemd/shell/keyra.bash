# Made by .ci/shell.py, with shtab.

_shtab_keyra_holders_subparsers=(import export suspend resume change)
_shtab_keyra_ledger_subparsers=(list show tail verify export checkpoint stats)
_shtab_keyra_policy_subparsers=(propose show history test replay week)
_shtab_keyra_purposes_subparsers=(set delete)
_shtab_keyra_users_subparsers=(lookup alias unalias)
_shtab_keyra_subparsers=(status credentials holders stats tail ledger console enrol trial credential forgive erase unlock lockdown mode orders approve withdraw acknowledge rights commission self-test explain policy health settings purposes users check-config write-config print-config doctor print-strike init run demo backup restore)

_shtab_keyra_status_option_strings=(-h --help --json)
_shtab_keyra_credentials_option_strings=(-h --help --of --json)
_shtab_keyra_holders_import_option_strings=(-h --help --dry-run --as --break-glass --json)
_shtab_keyra_holders_export_option_strings=(-h --help --json)
_shtab_keyra_holders_suspend_option_strings=(-h --help --as --break-glass --json)
_shtab_keyra_holders_resume_option_strings=(-h --help --as --break-glass --json)
_shtab_keyra_holders_change_option_strings=(-h --help --name --group --no-groups --from --until --extended --no-extended --role --uses --as --break-glass --json)
_shtab_keyra_holders_option_strings=(-h --help --json --matching)
_shtab_keyra_stats_option_strings=(-h --help --minutes --json)
_shtab_keyra_tail_option_strings=(-h --help -n --json)
_shtab_keyra_ledger_list_option_strings=(-h --help --json --door --holder --kind --result --from --until --oldest --from-entry --at -n)
_shtab_keyra_ledger_show_option_strings=(-h --help --json --receipt)
_shtab_keyra_ledger_tail_option_strings=(-h --help --json --door --holder --kind --result --from --until)
_shtab_keyra_ledger_verify_option_strings=(-h --help --json --vkey --expect --deep)
_shtab_keyra_ledger_export_option_strings=(-h --help --json --first --last)
_shtab_keyra_ledger_checkpoint_option_strings=(-h --help --json --qr)
_shtab_keyra_ledger_stats_option_strings=(-h --help --json)
_shtab_keyra_ledger_option_strings=(-h --help)
_shtab_keyra_console_option_strings=(-h --help --read-only)
_shtab_keyra_enrol_option_strings=(-h --help --name --group --no-groups --from --until --extended --no-extended --role --uses --key-until --replaces --duress --as --break-glass --json)
_shtab_keyra_trial_option_strings=(-h --help --json)
_shtab_keyra_credential_option_strings=(-h --help --yes --as --break-glass --json)
_shtab_keyra_forgive_option_strings=(-h --help --as --break-glass --json)
_shtab_keyra_erase_option_strings=(-h --help --yes --as --break-glass --json)
_shtab_keyra_unlock_option_strings=(-h --help --for --as --break-glass --json)
_shtab_keyra_lockdown_option_strings=(-h --help --for --as --break-glass --json)
_shtab_keyra_mode_option_strings=(-h --help --for --as --break-glass --json)
_shtab_keyra_orders_option_strings=(-h --help --json)
_shtab_keyra_approve_option_strings=(-h --help --as --break-glass --json)
_shtab_keyra_withdraw_option_strings=(-h --help --as --break-glass --json)
_shtab_keyra_acknowledge_option_strings=(-h --help --as --break-glass --json)
_shtab_keyra_rights_option_strings=(-h --help --json)
_shtab_keyra_commission_option_strings=(-h --help --json)
_shtab_keyra_self_test_option_strings=(-h --help --unattended --json)
_shtab_keyra_explain_option_strings=(-h --help --key --config --json)
_shtab_keyra_policy_propose_option_strings=(-h --help --dry-run --as --break-glass --json)
_shtab_keyra_policy_show_option_strings=(-h --help --hash --config --json)
_shtab_keyra_policy_history_option_strings=(-h --help --config --json)
_shtab_keyra_policy_test_option_strings=(-h --help --config --json)
_shtab_keyra_policy_replay_option_strings=(-h --help --policy --config --json)
_shtab_keyra_policy_week_option_strings=(-h --help --holder --from --json)
_shtab_keyra_policy_option_strings=(-h --help)
_shtab_keyra_health_option_strings=(-h --help --json)
_shtab_keyra_settings_option_strings=(-h --help --json)
_shtab_keyra_purposes_set_option_strings=(-h --help --ttl --verification --as --break-glass --json)
_shtab_keyra_purposes_delete_option_strings=(-h --help --as --break-glass --json)
_shtab_keyra_purposes_option_strings=(-h --help --json)
_shtab_keyra_users_lookup_option_strings=(-h --help --json)
_shtab_keyra_users_alias_option_strings=(-h --help --as --break-glass --json)
_shtab_keyra_users_unalias_option_strings=(-h --help --as --break-glass --json)
_shtab_keyra_users_option_strings=(-h --help --json)
_shtab_keyra_check_config_option_strings=(-h --help --config --json)
_shtab_keyra_write_config_option_strings=(-h --help --json)
_shtab_keyra_print_config_option_strings=(-h --help)
_shtab_keyra_doctor_option_strings=(-h --help --config --json)
_shtab_keyra_print_strike_option_strings=(-h --help --uid --config)
_shtab_keyra_init_option_strings=(-h --help --config --json)
_shtab_keyra_run_option_strings=(-h --help --config --simulated)
_shtab_keyra_demo_option_strings=(-h --help --keys --seed --out --picture --live --plain)
_shtab_keyra_backup_option_strings=(-h --help --to --recipient --check --new-identity --identity --vkey --config --json)
_shtab_keyra_restore_option_strings=(-h --help --state-dir --names-only --dry-run --seal-key --seal-lost --identity --vkey --config --json)
_shtab_keyra_option_strings=(-h --help --version --socket)

_shtab_keyra_holders_import_pos_0_COMPGEN=_shtab_compgen_files
_shtab_keyra_holders_export_pos_0_COMPGEN=_shtab_compgen_files
_shtab_keyra_ledger_show___receipt_COMPGEN=_shtab_compgen_files
_shtab_keyra_ledger_export_pos_0_COMPGEN=_shtab_compgen_files
_shtab_keyra_explain___config_COMPGEN=_shtab_compgen_files
_shtab_keyra_policy_propose_pos_0_COMPGEN=_shtab_compgen_files
_shtab_keyra_policy_show___config_COMPGEN=_shtab_compgen_files
_shtab_keyra_policy_history___config_COMPGEN=_shtab_compgen_files
_shtab_keyra_policy_test_pos_0_COMPGEN=_shtab_compgen_files
_shtab_keyra_policy_test___config_COMPGEN=_shtab_compgen_files
_shtab_keyra_policy_replay___policy_COMPGEN=_shtab_compgen_files
_shtab_keyra_policy_replay___config_COMPGEN=_shtab_compgen_files
_shtab_keyra_check_config___config_COMPGEN=_shtab_compgen_files
_shtab_keyra_write_config_pos_0_COMPGEN=_shtab_compgen_files
_shtab_keyra_doctor___config_COMPGEN=_shtab_compgen_files
_shtab_keyra_print_strike___config_COMPGEN=_shtab_compgen_files
_shtab_keyra_init___config_COMPGEN=_shtab_compgen_files
_shtab_keyra_run___config_COMPGEN=_shtab_compgen_files
_shtab_keyra_run___simulated_COMPGEN=_shtab_compgen_files
_shtab_keyra_demo___out_COMPGEN=_shtab_compgen_files
_shtab_keyra_demo___picture_COMPGEN=_shtab_compgen_files
_shtab_keyra_backup___to_COMPGEN=_shtab_compgen_files
_shtab_keyra_backup___check_COMPGEN=_shtab_compgen_files
_shtab_keyra_backup___new_identity_COMPGEN=_shtab_compgen_files
_shtab_keyra_backup___identity_COMPGEN=_shtab_compgen_files
_shtab_keyra_backup___config_COMPGEN=_shtab_compgen_files
_shtab_keyra_restore_pos_0_COMPGEN=_shtab_compgen_files
_shtab_keyra_restore___state_dir_COMPGEN=_shtab_compgen_files
_shtab_keyra_restore___seal_key_COMPGEN=_shtab_compgen_files
_shtab_keyra_restore___identity_COMPGEN=_shtab_compgen_files
_shtab_keyra_restore___config_COMPGEN=_shtab_compgen_files

_shtab_keyra_holders_change___role_choices=(admin operator auditor none)
_shtab_keyra_holders_pos_0_choices=(import export suspend resume change)
_shtab_keyra_ledger_pos_0_choices=(list show tail verify export checkpoint stats)
_shtab_keyra_enrol___role_choices=(admin operator auditor none)
_shtab_keyra_credential_pos_0_choices=(suspend resume revoke)
_shtab_keyra_mode_pos_0_choices=(Locked Unlocked Blocked LockedDown LockedOpen)
_shtab_keyra_policy_pos_0_choices=(propose show history test replay week)
_shtab_keyra_purposes_set___verification_choices=(required preferred discouraged)
_shtab_keyra_purposes_pos_0_choices=(set delete)
_shtab_keyra_users_pos_0_choices=(lookup alias unalias)
_shtab_keyra_print_strike_pos_0_choices=(env boot chip)
_shtab_keyra_pos_0_choices=(status credentials holders stats tail ledger console enrol trial credential forgive erase unlock lockdown mode orders approve withdraw acknowledge rights commission self-test explain policy health settings purposes users check-config write-config print-config doctor print-strike init run demo backup restore)

_shtab_keyra_status__h_nargs=0
_shtab_keyra_status___help_nargs=0
_shtab_keyra_status___json_nargs=0
_shtab_keyra_credentials__h_nargs=0
_shtab_keyra_credentials___help_nargs=0
_shtab_keyra_credentials___json_nargs=0
_shtab_keyra_holders_import__h_nargs=0
_shtab_keyra_holders_import___help_nargs=0
_shtab_keyra_holders_import___dry_run_nargs=0
_shtab_keyra_holders_import___json_nargs=0
_shtab_keyra_holders_export__h_nargs=0
_shtab_keyra_holders_export___help_nargs=0
_shtab_keyra_holders_export___json_nargs=0
_shtab_keyra_holders_suspend__h_nargs=0
_shtab_keyra_holders_suspend___help_nargs=0
_shtab_keyra_holders_suspend___json_nargs=0
_shtab_keyra_holders_resume__h_nargs=0
_shtab_keyra_holders_resume___help_nargs=0
_shtab_keyra_holders_resume___json_nargs=0
_shtab_keyra_holders_change__h_nargs=0
_shtab_keyra_holders_change___help_nargs=0
_shtab_keyra_holders_change___no_groups_nargs=0
_shtab_keyra_holders_change___extended_nargs=0
_shtab_keyra_holders_change___no_extended_nargs=0
_shtab_keyra_holders_change___json_nargs=0
_shtab_keyra_holders_pos_0_nargs=A...
_shtab_keyra_holders__h_nargs=0
_shtab_keyra_holders___help_nargs=0
_shtab_keyra_holders___json_nargs=0
_shtab_keyra_stats__h_nargs=0
_shtab_keyra_stats___help_nargs=0
_shtab_keyra_stats___json_nargs=0
_shtab_keyra_tail__h_nargs=0
_shtab_keyra_tail___help_nargs=0
_shtab_keyra_tail___json_nargs=0
_shtab_keyra_ledger_list__h_nargs=0
_shtab_keyra_ledger_list___help_nargs=0
_shtab_keyra_ledger_list___json_nargs=0
_shtab_keyra_ledger_list___oldest_nargs=0
_shtab_keyra_ledger_show__h_nargs=0
_shtab_keyra_ledger_show___help_nargs=0
_shtab_keyra_ledger_show___json_nargs=0
_shtab_keyra_ledger_tail__h_nargs=0
_shtab_keyra_ledger_tail___help_nargs=0
_shtab_keyra_ledger_tail___json_nargs=0
_shtab_keyra_ledger_verify__h_nargs=0
_shtab_keyra_ledger_verify___help_nargs=0
_shtab_keyra_ledger_verify___json_nargs=0
_shtab_keyra_ledger_verify___deep_nargs=0
_shtab_keyra_ledger_export__h_nargs=0
_shtab_keyra_ledger_export___help_nargs=0
_shtab_keyra_ledger_export___json_nargs=0
_shtab_keyra_ledger_checkpoint__h_nargs=0
_shtab_keyra_ledger_checkpoint___help_nargs=0
_shtab_keyra_ledger_checkpoint___json_nargs=0
_shtab_keyra_ledger_checkpoint___qr_nargs=0
_shtab_keyra_ledger_stats__h_nargs=0
_shtab_keyra_ledger_stats___help_nargs=0
_shtab_keyra_ledger_stats___json_nargs=0
_shtab_keyra_ledger_pos_0_nargs=A...
_shtab_keyra_ledger__h_nargs=0
_shtab_keyra_ledger___help_nargs=0
_shtab_keyra_console__h_nargs=0
_shtab_keyra_console___help_nargs=0
_shtab_keyra_console___read_only_nargs=0
_shtab_keyra_enrol__h_nargs=0
_shtab_keyra_enrol___help_nargs=0
_shtab_keyra_enrol___no_groups_nargs=0
_shtab_keyra_enrol___extended_nargs=0
_shtab_keyra_enrol___no_extended_nargs=0
_shtab_keyra_enrol___duress_nargs=0
_shtab_keyra_enrol___json_nargs=0
_shtab_keyra_trial__h_nargs=0
_shtab_keyra_trial___help_nargs=0
_shtab_keyra_trial___json_nargs=0
_shtab_keyra_credential__h_nargs=0
_shtab_keyra_credential___help_nargs=0
_shtab_keyra_credential___yes_nargs=0
_shtab_keyra_credential___json_nargs=0
_shtab_keyra_forgive__h_nargs=0
_shtab_keyra_forgive___help_nargs=0
_shtab_keyra_forgive___json_nargs=0
_shtab_keyra_erase__h_nargs=0
_shtab_keyra_erase___help_nargs=0
_shtab_keyra_erase___yes_nargs=0
_shtab_keyra_erase___json_nargs=0
_shtab_keyra_unlock__h_nargs=0
_shtab_keyra_unlock___help_nargs=0
_shtab_keyra_unlock___json_nargs=0
_shtab_keyra_lockdown__h_nargs=0
_shtab_keyra_lockdown___help_nargs=0
_shtab_keyra_lockdown___json_nargs=0
_shtab_keyra_mode__h_nargs=0
_shtab_keyra_mode___help_nargs=0
_shtab_keyra_mode___json_nargs=0
_shtab_keyra_orders__h_nargs=0
_shtab_keyra_orders___help_nargs=0
_shtab_keyra_orders___json_nargs=0
_shtab_keyra_approve__h_nargs=0
_shtab_keyra_approve___help_nargs=0
_shtab_keyra_approve___json_nargs=0
_shtab_keyra_withdraw__h_nargs=0
_shtab_keyra_withdraw___help_nargs=0
_shtab_keyra_withdraw___json_nargs=0
_shtab_keyra_acknowledge__h_nargs=0
_shtab_keyra_acknowledge___help_nargs=0
_shtab_keyra_acknowledge___json_nargs=0
_shtab_keyra_rights__h_nargs=0
_shtab_keyra_rights___help_nargs=0
_shtab_keyra_rights___json_nargs=0
_shtab_keyra_commission__h_nargs=0
_shtab_keyra_commission___help_nargs=0
_shtab_keyra_commission___json_nargs=0
_shtab_keyra_self_test__h_nargs=0
_shtab_keyra_self_test___help_nargs=0
_shtab_keyra_self_test___unattended_nargs=0
_shtab_keyra_self_test___json_nargs=0
_shtab_keyra_explain__h_nargs=0
_shtab_keyra_explain___help_nargs=0
_shtab_keyra_explain___json_nargs=0
_shtab_keyra_policy_propose__h_nargs=0
_shtab_keyra_policy_propose___help_nargs=0
_shtab_keyra_policy_propose___dry_run_nargs=0
_shtab_keyra_policy_propose___json_nargs=0
_shtab_keyra_policy_show__h_nargs=0
_shtab_keyra_policy_show___help_nargs=0
_shtab_keyra_policy_show___json_nargs=0
_shtab_keyra_policy_history__h_nargs=0
_shtab_keyra_policy_history___help_nargs=0
_shtab_keyra_policy_history___json_nargs=0
_shtab_keyra_policy_test__h_nargs=0
_shtab_keyra_policy_test___help_nargs=0
_shtab_keyra_policy_test___json_nargs=0
_shtab_keyra_policy_replay__h_nargs=0
_shtab_keyra_policy_replay___help_nargs=0
_shtab_keyra_policy_replay___json_nargs=0
_shtab_keyra_policy_week__h_nargs=0
_shtab_keyra_policy_week___help_nargs=0
_shtab_keyra_policy_week___json_nargs=0
_shtab_keyra_policy_pos_0_nargs=A...
_shtab_keyra_policy__h_nargs=0
_shtab_keyra_policy___help_nargs=0
_shtab_keyra_health__h_nargs=0
_shtab_keyra_health___help_nargs=0
_shtab_keyra_health___json_nargs=0
_shtab_keyra_settings__h_nargs=0
_shtab_keyra_settings___help_nargs=0
_shtab_keyra_settings___json_nargs=0
_shtab_keyra_purposes_set__h_nargs=0
_shtab_keyra_purposes_set___help_nargs=0
_shtab_keyra_purposes_set___json_nargs=0
_shtab_keyra_purposes_delete__h_nargs=0
_shtab_keyra_purposes_delete___help_nargs=0
_shtab_keyra_purposes_delete___json_nargs=0
_shtab_keyra_purposes_pos_0_nargs=A...
_shtab_keyra_purposes__h_nargs=0
_shtab_keyra_purposes___help_nargs=0
_shtab_keyra_purposes___json_nargs=0
_shtab_keyra_users_lookup__h_nargs=0
_shtab_keyra_users_lookup___help_nargs=0
_shtab_keyra_users_lookup___json_nargs=0
_shtab_keyra_users_alias__h_nargs=0
_shtab_keyra_users_alias___help_nargs=0
_shtab_keyra_users_alias___json_nargs=0
_shtab_keyra_users_unalias__h_nargs=0
_shtab_keyra_users_unalias___help_nargs=0
_shtab_keyra_users_unalias___json_nargs=0
_shtab_keyra_users_pos_0_nargs=A...
_shtab_keyra_users__h_nargs=0
_shtab_keyra_users___help_nargs=0
_shtab_keyra_users___json_nargs=0
_shtab_keyra_check_config__h_nargs=0
_shtab_keyra_check_config___help_nargs=0
_shtab_keyra_check_config___json_nargs=0
_shtab_keyra_write_config__h_nargs=0
_shtab_keyra_write_config___help_nargs=0
_shtab_keyra_write_config___json_nargs=0
_shtab_keyra_print_config__h_nargs=0
_shtab_keyra_print_config___help_nargs=0
_shtab_keyra_doctor__h_nargs=0
_shtab_keyra_doctor___help_nargs=0
_shtab_keyra_doctor___json_nargs=0
_shtab_keyra_print_strike__h_nargs=0
_shtab_keyra_print_strike___help_nargs=0
_shtab_keyra_init__h_nargs=0
_shtab_keyra_init___help_nargs=0
_shtab_keyra_init___json_nargs=0
_shtab_keyra_run__h_nargs=0
_shtab_keyra_run___help_nargs=0
_shtab_keyra_demo__h_nargs=0
_shtab_keyra_demo___help_nargs=0
_shtab_keyra_demo___live_nargs=0
_shtab_keyra_demo___plain_nargs=0
_shtab_keyra_backup__h_nargs=0
_shtab_keyra_backup___help_nargs=0
_shtab_keyra_backup___json_nargs=0
_shtab_keyra_restore__h_nargs=0
_shtab_keyra_restore___help_nargs=0
_shtab_keyra_restore___names_only_nargs=0
_shtab_keyra_restore___dry_run_nargs=0
_shtab_keyra_restore___seal_lost_nargs=0
_shtab_keyra_restore___json_nargs=0
_shtab_keyra_pos_0_nargs=A...
_shtab_keyra__h_nargs=0
_shtab_keyra___help_nargs=0
_shtab_keyra___version_nargs=0


# $1=COMP_WORDS[1]
_shtab_compgen_files() {
  compgen -f -- $1  # files
}

# $1=COMP_WORDS[1]
_shtab_compgen_dirs() {
  compgen -d -- $1  # recurse into subdirs
}

# $1=COMP_WORDS[1]
_shtab_replace_nonword() {
  echo "${1//[^[:word:]]/_}"
}

# set default values (called for the initial parser & any subparsers)
_set_parser_defaults() {
  local subparsers_var="${prefix}_subparsers[@]"
  sub_parsers=${!subparsers_var-}

  local current_option_strings_var="${prefix}_option_strings[@]"
  current_option_strings=${!current_option_strings_var}

  completed_positional_actions=0

  _set_new_action "pos_$completed_positional_actions" true
}

# $1=action identifier
# $2=positional action (bool)
# set all identifiers for an action's parameters
_set_new_action() {
  current_action="${prefix}_$(_shtab_replace_nonword $1)"

  local current_action_compgen_var=${current_action}_COMPGEN
  current_action_compgen="${!current_action_compgen_var-}"

  local current_action_choices_var="${current_action}_choices[@]"
  current_action_choices="${!current_action_choices_var-}"

  local current_action_nargs_var="${current_action}_nargs"
  if [ -n "${!current_action_nargs_var-}" ]; then
    current_action_nargs="${!current_action_nargs_var}"
  else
    current_action_nargs=1
  fi

  current_action_args_start_index=$(( $word_index + 1 - $pos_only ))

  current_action_is_positional=$2
}

# Notes:
# `COMPREPLY`: what will be rendered after completion is triggered
# `completing_word`: currently typed word to generate completions for
# `${!var}`: evaluates the content of `var` and expand its content as a variable
#     hello="world"
#     x="hello"
#     ${!x} -> ${hello} -> "world"
_shtab_keyra() {
  local completing_word="${COMP_WORDS[COMP_CWORD]}"
  local previous_word="${COMP_WORDS[COMP_CWORD-1]}"
  local completed_positional_actions
  local current_action
  local current_action_args_start_index
  local current_action_choices
  local current_action_compgen
  local current_action_is_positional
  local current_action_nargs
  local current_option_strings
  local sub_parsers
  COMPREPLY=()

  local prefix=_shtab_keyra
  local word_index=0
  local pos_only=0 # "--" delimiter not encountered yet
  _set_parser_defaults
  word_index=1

  # determine what arguments are appropriate for the current state
  # of the arg parser
  while [ $word_index -ne $COMP_CWORD ]; do
    local this_word="${COMP_WORDS[$word_index]}"

    if [[ $pos_only = 1 || " $this_word " != " -- " ]]; then
      if [[ -n $sub_parsers && " ${sub_parsers[@]} " == *" $this_word "* ]]; then
        # valid subcommand: add it to the prefix & reset the current action
        prefix="${prefix}_$(_shtab_replace_nonword $this_word)"
        _set_parser_defaults
      fi

      if [[ " ${current_option_strings[@]} " == *" $this_word "* ]]; then
        # a new action should be acquired (due to recognised option string or
        # no more input expected from current action);
        # the next positional action can fill in here
        _set_new_action $this_word false
      fi

      if [[ "$current_action_nargs" != "*" ]] && \
         [[ "$current_action_nargs" != "+" ]] && \
         [[ "$current_action_nargs" != "?" ]] && \
         [[ "$current_action_nargs" != *"..." ]] && \
         (( $word_index + 1 - $current_action_args_start_index - $pos_only >= \
            $current_action_nargs )); then
        $current_action_is_positional && let "completed_positional_actions += 1"
        _set_new_action "pos_$completed_positional_actions" true
      fi
    else
      pos_only=1 # "--" delimiter encountered
    fi

    let "word_index+=1"
  done

  # Generate the completions

  COMPREPLY=()
  if [[ $pos_only = 0 && "$completing_word" == -* &&
        ( -z "$current_action_compgen" || "$current_action_is_positional" = true ) ]]; then
    # optional argument started: use option strings
    while IFS= read -r line; do COMPREPLY+=("$line"); done < <(
      compgen -W "${current_option_strings[*]}" -- "$completing_word")
  elif [[ "$previous_word" =~ ^[0-9\&]*[\<\>]\>?$ ]]; then
    # handle redirection operators
    compopt -o filenames 2>/dev/null || : # bash>=4
    while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -f -- "$completing_word")
  else
    # use choices & compgen
    local action_compgen_word="$completing_word"
    # handle tab-completing in the middle of a line (#248 <- #116)
    [[ -n "$current_action_compgen" && "$completing_word" == -* ]] && action_compgen_word=""
    [ -n "$current_action_compgen" ] && {
      [[ "$current_action_compgen" =~ _(file|dir|glob|FILE|DIR|GLOB)|File|Dir|Glob ]] &&
        compopt -o filenames 2>/dev/null || : # bash>=4
      while IFS= read -r line; do COMPREPLY+=("$line"); done < <(
        "$current_action_compgen" "$action_compgen_word")
    }
    while IFS= read -r line; do COMPREPLY+=("$line"); done < <(
      compgen -W "${current_action_choices[*]}" -- "$completing_word")
  fi

  if [[ ${#COMPREPLY[@]} = 0 ]]; then
    # native fallback matches are not necessarily filenames (e.g. variables)
    compopt +o filenames 2>/dev/null || : # bash>=4
  fi

  return 0
}

complete -o bashdefault -F _shtab_keyra keyra
