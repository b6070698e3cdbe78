//! Every header of a file counts: none is read as if it were not there.

use super::world::World;

const GOOD: &str = "[daemon]\nstate = \"state\"\n\n\
    [account.main]\nhost = \"smtp.example.org\"\nfrom = \"news@example.org\"\n\n\
    [list.customers]\ncsv = \"lists/customers.csv\"\n\n\
    [schedule.weekly]\nsend = \"digest\"\nto = \"customers\"\nvia = \"main\"\n";

#[test]
fn a_header_in_two_brackets_where_one_is_right_is_refused() {
    let headers = [
        "account",
        "account.main",
        "account.main.domain",
        "account.main.domain.\"gmail.com\"",
        "account.second",
        "config_version",
        "daemon",
        "daemon.alert",
        "include",
        "list",
        "list.customers",
        "list.staff",
        "nonsense",
        "schedule",
        "'schedule'",
        " schedule ",
        "schedule.other",
        "schedule.weekly",
        "schedule.weekly.when",
        "schedule.weekly.canary",
        "template",
    ];
    let world = World::new();
    assert!(world.load(GOOD).is_ok());
    for header in headers {
        let text = format!("{GOOD}\n[[{header}]]\n");
        let line = text.lines().count();
        let problems = world.load(&text).expect_err(header);
        let lines: Vec<usize> = problems
            .iter()
            .map(|it| it.place().file.position(it.place().span.start).line)
            .collect();
        assert_eq!(lines, [line], "[[{header}]]\n{}", problems.render(false));
    }
}

#[test]
fn a_header_of_names_alone_is_refused_wherever_it_stands() {
    let world = World::new();
    for kind in ["account", "list", "schedule", "template"] {
        for text in [
            format!("{GOOD}\n[[{kind}]]\n"),
            format!("[[{kind}]]\n\n{GOOD}"),
        ] {
            let problems = world.load(&text).expect_err(kind);
            let told = problems.render(false);
            assert!(told.contains(&format!("write [{kind}.<name>]")), "{told}");
        }
    }
}
