//! Dates that do not exist every month or every year are told, and no others.

use postroom::calendar::Cron;

fn told(expression: &str) -> Vec<(String, String)> {
    let cron: Cron = expression.parse().unwrap();
    let told = cron.rarities().iter();
    told.map(|it| (it.message.clone(), expression[it.span.clone()].to_owned()))
        .collect()
}

#[test]
fn a_date_that_does_not_exist_every_time_is_told_in_words() {
    for (expression, message, blamed) in [
        ("0 9 29 2 *", "February has a 29th in leap years only", "29"),
        ("0 9 29 * *", "February has a 29th in leap years only", "29"),
        (
            "0 9 29 2 Mon",
            "February has a 29th in leap years only",
            "29",
        ),
        ("0 9 30 * *", "February has no 30th", "30"),
        (
            "0 9 31 * *",
            "February, April, June, September and November have no 31st",
            "31",
        ),
        ("0 9 15,31 4-6 *", "April and June have no 31st", "15,31"),
        ("0 9 30-31 1-3 *", "February has no 30th", "30-31"),
        ("0 9 31W 6,7 *", "June has no 31st", "31W"),
        (
            "0 9 * * Mon#5",
            "not every month has a fifth Monday",
            "Mon#5",
        ),
    ] {
        let expected = vec![(message.to_owned(), blamed.to_owned())];
        assert_eq!(told(expression), expected, "{expression}");
    }
}

#[test]
fn a_date_that_exists_every_time_is_not() {
    for expression in [
        "@monthly",
        "0 9 28 * *",
        "0 9 31 1,3,5,7,8,10,12 *",
        "0 9 30 3-12 *",
        "0 9 */2 * *",
        "0 9 25-31 * *",
        "0 9 31,L * *",
        "0 9 LW * *",
        "0 9 * * Mon#4,FriL",
    ] {
        assert_eq!(told(expression), [], "{expression}");
    }
}
