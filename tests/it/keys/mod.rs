//! Every key of the configuration changes something that can be seen.
//!
//! For each key a test gives two values or more in a configuration that is otherwise the same, and
//! says what is to be seen with each: on the wire, in time, or in what postroom says. That the
//! configuration reads differently is not enough: a key that changes nothing is a defect.
//! [`OBSERVED`] names the test of each key, and one test here holds that none is missing.

mod account;
mod carried;
mod daemon;
mod dkim;
mod fewer;
mod group;
mod how;
mod leaving;
mod limits;
mod list;
mod listener;
mod login;
mod rule;
mod stage;
mod texts;
mod together;
mod toml;
mod when;
mod wire;

use std::collections::BTreeSet;

use postroom::config::key::{KEYS, Key, Kind};

/// Names the test that observes each key; that there is such a test, the compiler sees.
macro_rules! observed {
    ($($key:literal => $test:path,)+) => {
        static OBSERVED: &[(&str, fn())] = &[$(($key, $test)),+];
    };
}

observed! {
    "config_version" => daemon::config_version_says_what_the_file_means,
    "include" => daemon::include_at_the_top_names_further_files,

    "daemon.timezone" => when::timezone_of_the_daemon_holds_for_schedules_without_one,
    "daemon.language" => texts::language_of_the_daemon_is_that_of_texts_without_one,
    "daemon.state" => daemon::state_is_where_the_outbox_is,
    "daemon.socket" => daemon::socket_is_where_the_daemon_answers,
    "daemon.log" => daemon::log_says_how_lines_are_written,
    "daemon.addresses" => daemon::addresses_says_how_readers_appear_in_the_log,
    "daemon.keep" => daemon::keep_is_how_long_the_servers_words_stay,
    "daemon.rate" => daemon::rate_of_the_daemon_spaces_the_mails_of_all_accounts,
    "daemon.include" => daemon::include_names_further_files,
    "daemon.alert.to" => daemon::to_of_an_alert_is_who_is_told,
    "daemon.alert.via" => daemon::via_of_an_alert_is_the_account,
    "daemon.alert.command" => daemon::command_of_an_alert_is_told,
    "daemon.alert.timeout" => daemon::timeout_of_an_alert_is_how_long_its_program_may_take,

    "account.*.provider" => account::provider_says_where_the_server_is,
    "account.*.region" => account::region_says_which_of_its_servers,
    "account.*.host" => account::host_is_whom_it_calls,
    "account.*.port" => account::port_is_where_it_knocks,
    "account.*.tls" => account::tls_says_how_the_session_is_encrypted,
    "account.*.odd_port" => account::odd_port_lets_tls_begin_at_once_on_port_587,
    "account.*.ca" => account::ca_says_whose_certificates_are_good,
    "account.*.user" => login::user_is_the_name_that_logs_in,
    "account.*.password" => login::password_is_what_the_server_is_told,
    "account.*.token" => login::token_is_shown_in_place_of_a_password,
    "account.*.from" => account::from_is_the_sender_on_the_envelope_and_in_the_letter,
    "account.*.reply_to" => account::reply_to_is_where_answers_go,
    "account.*.rate" => limits::rate_of_an_account_spaces_its_mails,
    "account.*.connections" => limits::connections_says_how_many_mails_are_under_way_at_once,
    "account.*.messages_per_connection" => limits::messages_per_connection_ends_sessions,
    "account.*.connection_age" => limits::connection_age_renews_a_session,
    "account.*.connection_idle" => limits::connection_idle_ends_a_session_without_work,
    "account.*.chaining" => limits::chaining_lets_the_next_envelope_go_with_the_body,
    "account.*.dsn" => account::dsn_is_what_the_server_is_asked_to_report,
    "account.*.retry" => limits::retry_of_an_account_says_when_it_is_tried_again,
    "account.*.hello" => account::hello_is_the_name_in_ehlo,
    "account.*.postal_address" => leaving::postal_address_is_what_texts_show,
    "account.*.feedback_id" => leaving::feedback_id_says_who_sends,
    "account.*.dkim.selector" => dkim::selector_is_the_name_of_the_key_in_dns,
    "account.*.dkim.key" => dkim::key_is_what_signs,
    "account.*.dkim.domain" => dkim::domain_is_who_signs,
    "account.*.rule.reply" => rule::reply_says_which_codes_are_meant,
    "account.*.rule.text" => rule::text_says_which_words_are_meant,
    "account.*.rule.at" => rule::at_says_what_was_refused,
    "account.*.rule.then" => rule::then_says_what_follows,
    "account.*.domain.*.rate" => limits::rate_of_a_domain_spaces_mails_to_it,
    "account.*.domain.*.connections" => limits::connections_of_a_domain_hold_back_mails_to_it,

    "list.*.inline" => list::inline_are_the_people_themselves,
    "list.*.csv" => list::csv_is_the_file_that_is_read,
    "list.*.command" => list::command_is_the_program_that_prints_it,
    "list.*.timeout" => list::timeout_of_a_list_is_how_long_its_program_may_take,
    "list.*.max_age" => list::max_age_refuses_an_older_file,
    "list.*.json" => list::json_is_the_file_that_is_read,
    "list.*.rows" => list::rows_says_where_in_the_document_the_people_are,
    "list.*.fields" => list::fields_are_the_same_for_everybody,
    "list.*.defaults" => list::defaults_are_what_blank_cells_count_as,
    "list.*.address_column" => list::address_column_says_where_the_addresses_are,
    "list.*.name_column" => list::name_column_says_how_people_are_called,
    "list.*.optional" => list::optional_are_the_columns_that_may_be_blank,
    "list.*.encoding" => list::encoding_says_how_the_file_is_read,
    "list.*.separator" => list::separator_says_where_a_field_ends,
    "list.*.max_change" => list::max_change_of_a_list_refuses_one_that_has_changed_more,

    "template.*.layout" => list::layout_says_what_the_bodies_are_set_into,
    "template.*.subject" => texts::subject_stands_for_the_file,
    "template.*.markdown" => texts::markdown_is_the_source_of_both_bodies,
    "template.*.language" => texts::language_is_the_field_that_chooses_the_texts,

    "template.*.headers" => texts::headers_are_added_to_each_mail,

    "template.*.attachments" => carried::attachments_go_along_with_each_mail,
    "template.*.data.file" => carried::file_of_data_is_where_the_values_are,
    "template.*.data.command" => carried::command_of_data_prints_the_values,
    "template.*.data.timeout" => carried::timeout_of_data_is_how_long_its_program_may_take,
    "template.*.data.max_age" => carried::max_age_of_data_refuses_an_older_file,

    "schedule.*.send" => how::send_is_the_template,
    "schedule.*.to" => how::to_is_who_gets_it,
    "schedule.*.except" => how::except_is_who_gets_nothing_of_it,
    "schedule.*.via" => how::via_is_the_account_and_whoever_stands_in_for_it,
    "schedule.*.cron" => when::cron_says_when,
    "schedule.*.on" => when::on_says_when,
    "schedule.*.every" => when::every_is_the_distance_between_two_runs,
    "schedule.*.starts" => when::starts_is_the_first_day,
    "schedule.*.ends" => when::ends_is_the_last_day,
    "schedule.*.timezone" => when::timezone_of_a_schedule_says_where_its_hours_and_dates_are,
    "schedule.*.holidays" => when::holidays_are_days_without_a_run,
    "schedule.*.on_holiday" => when::on_holiday_says_what_becomes_of_such_a_run,
    "schedule.*.jitter" => when::jitter_starts_a_run_later_by_less_than_that,
    "schedule.*.between" => when::between_says_at_which_hours_mail_may_leave,
    "schedule.*.when.command" => when::command_of_when_decides_whether_a_run_is_opened,
    "schedule.*.when.timeout" => when::timeout_of_when_is_how_long_its_program_may_take,
    "schedule.*.retry" => how::retry_of_a_schedule_says_when_it_is_tried_again,
    "schedule.*.expires" => how::expires_is_when_mail_is_given_up,
    "schedule.*.rate" => how::rate_of_a_schedule_spaces_its_mails,
    "schedule.*.max_recipients" => how::max_recipients_refuses_more,
    "schedule.*.max_change" => how::max_change_refuses_a_list_that_has_changed_more,
    "schedule.*.canary" => how::canary_is_how_many_are_first,
    "schedule.*.canary.people" => how::people_of_a_canary_are_first,
    "schedule.*.canary.wait" => how::wait_of_a_canary_keeps_the_others,
    "schedule.*.catch_up" => when::catch_up_says_how_late_a_missed_run_may_still_begin,
    "schedule.*.overlap" => when::overlap_says_what_becomes_of_a_run_beside_an_earlier_one,
    "schedule.*.on_uncertain" => how::on_uncertain_says_what_becomes_of_a_mail_without_an_answer,
    "schedule.*.resend_after" => how::resend_after_is_how_long_such_a_mail_waits,
    "schedule.*.empty" => how::empty_says_what_a_run_to_nobody_is,
    "schedule.*.bad_rows" => how::bad_rows_says_whether_the_others_get_theirs,
    "schedule.*.group" => group::group_is_one_message_to_all,
    "schedule.*.cc" => group::cc_is_who_else_is_named,
    "schedule.*.bcc" => group::bcc_is_who_else_gets_it_and_is_named_nowhere,
    "schedule.*.attachments" => carried::attachments_go_along_with_each_mail,
    "schedule.*.data.file" => carried::file_of_data_is_where_the_values_are,
    "schedule.*.data.command" => carried::command_of_data_prints_the_values,
    "schedule.*.data.timeout" => carried::timeout_of_data_is_how_long_its_program_may_take,
    "schedule.*.data.max_age" => carried::max_age_of_data_refuses_an_older_file,
    "schedule.*.once_per" => how::once_per_says_what_makes_it_the_same_notice,
    "schedule.*.once_for" => how::once_for_is_how_long_a_notice_counts,
    "schedule.*.class" => leaving::class_says_what_the_header_and_the_texts_owe_the_reader,
    "schedule.*.list_id" => leaving::list_id_is_how_readers_sort,
    "schedule.*.reply_to" => leaving::reply_to_of_a_schedule_is_where_its_answers_go,

    "unsubscribe.url" => leaving::url_of_unsubscribe_stands_in_header_and_text_with_a_token,
    "unsubscribe.mailto" => leaving::mailto_of_unsubscribe_takes_the_token_as_a_subject,
    "unsubscribe.key" => leaving::key_of_unsubscribe_signs_the_tokens,
    "unsubscribe.former_keys" => leaving::former_keys_have_signed_tokens_that_are_good_still,
    "unsubscribe.scope" => leaving::scope_of_unsubscribe_is_what_somebody_leaves,
}

/// Tables, and keys of a later version, have no value.
fn has_values(key: &Key) -> bool {
    key.is_built()
        && !matches!(
            key.kind,
            Kind::Table | Kind::Tables | Kind::TableList | Kind::OneOrMoreTables
        )
}

#[test]
fn every_key_is_observed() {
    let keys = KEYS.iter().filter(|key| has_values(key));
    let keys: BTreeSet<_> = keys.map(|key| key.path).collect();
    let observed: BTreeSet<_> = OBSERVED.iter().map(|(key, _)| *key).collect();
    let unseen: Vec<_> = keys.difference(&observed).collect();
    assert!(
        unseen.is_empty(),
        "nobody looks what these change: {unseen:?}"
    );
    let unknown: Vec<_> = observed.difference(&keys).collect();
    assert!(unknown.is_empty(), "no such keys: {unknown:?}");
    assert_eq!(observed.len(), OBSERVED.len(), "a key is named twice");
}
