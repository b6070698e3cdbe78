//! The values of a run: read when it opens, and the same for everybody.

use super::{Desk, hello};

const DATA: &str = "data = { file = \"report.json\" }";

fn desk(data: &str) -> Desk {
    let desk = Desk::new();
    desk.house.write("report.json", data);
    desk.house
        .write("templates/hello/body.txt", "{{email}}: {{data.total}}\n");
    desk
}

#[test]
fn values_that_cannot_be_had_refuse_the_run_and_it_says_why() {
    let desk = desk("{\"total\": 7}");
    let folder = desk.state().display().to_string();
    for (text, told) in [
        (
            "{\"total\":\n7",
            "DIR/report.json:2: the file ends here, in the middle of its JSON",
        ),
        ("", "DIR/report.json: the file is empty"),
        (
            "{\"a\":1,\"a\":2}",
            "DIR/report.json:1: an object has `a` twice",
        ),
    ] {
        desk.house.write("report.json", text);
        let error = desk.turned_down(&hello(DATA), &desk.by_hand()).to_string();
        let error = error.replace(&folder, "DIR");
        let start = format!("the data of schedule `hello` cannot be had: {told}");
        assert!(error.starts_with(&start), "{error}");
    }
    std::fs::remove_file(desk.state().join("report.json")).unwrap();
    let error = desk.turned_down(&hello(DATA), &desk.by_hand()).to_string();
    assert!(
        error.ends_with("report.json: there is no such file"),
        "{error}"
    );
}

#[test]
fn a_value_that_is_not_there_refuses_the_run_before_anything_is_sent() {
    let desk = desk("{\"sum\": 7}");
    let error = desk.turned_down(&hello(DATA), &desk.by_hand()).to_string();
    assert!(error.contains("data.total"), "{error}");
}

#[test]
fn a_column_called_data_beside_the_values_refuses_the_run() {
    let desk = desk("{\"total\": 7}");
    desk.house
        .write("people.csv", "email,data\nada@example.org,x\n");
    let program = hello(DATA).replace("csv = \"people.csv\"", "command = [\"cat\", \"PATH\"]");
    let path = desk.state().join("people.csv").display().to_string();
    let error = desk.turned_down(&program.replace("PATH", &path), &desk.by_hand());
    assert_eq!(
        error.to_string(),
        "list `people` has a column `data`, and schedule `hello` has `data`: nobody can tell \
         which of them a template means; rename the column"
    );
}

#[test]
fn without_values_of_the_run_data_is_a_column_like_any_other() {
    let desk = desk("{}");
    desk.house
        .write("people.csv", "email,data\nada@example.org,x\n");
    desk.house
        .write("templates/hello/body.txt", "{{email}}: {{data}}\n");
    let opening = desk.carry_out(&hello(""), &desk.by_hand()).unwrap();
    assert_eq!(opening.people(), 1);
}
