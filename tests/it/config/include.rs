//! Several files: they add to each other, and every fault is told where it stands.

use std::fs;

use super::world::World;

const MAIN: &str = "[daemon]\ninclude = [\"conf.d/*.toml\"]\n\n\
    [account.main]\nprovider = \"gmail\"\nuser = \"news@gmail.com\"\n\
    password = { file = \"secrets/relay\" }\n";
const LIST: &str = "[list.team]\ninline = [\"ada@example.org\"]\noptional = [\"first_name\"]\n";
const WEEKLY: &str = "[schedule.weekly]\nsend = \"plain\"\nto = \"team\"\nvia = \"main\"\n";

fn world(files: &[(&str, &str)]) -> World {
    let world = World::new();
    fs::create_dir(world.path().join("conf.d")).expect("the folder is new");
    fs::create_dir(world.path().join("templates/plain")).expect("the folder is new");
    world.write("templates/plain/subject.txt", "Hello");
    world.write("templates/plain/body.txt", "Hello\n");
    for (name, text) in files {
        world.write(name, text);
    }
    world
}

fn told(world: &World, main: &str) -> String {
    let problems = match world.load(main) {
        Ok(loaded) => loaded.problems,
        Err(problems) => problems,
    };
    world.redact(&problems.render(false))
}

#[test]
fn files_add_to_each_other_in_the_order_of_their_names() {
    let files = [
        ("conf.d/20-weekly.toml", WEEKLY),
        ("conf.d/10-list.toml", LIST),
        ("conf.d/.hidden.toml", "not = toml at all"),
    ];
    let world = world(&files);
    let loaded = world.load(MAIN).expect("it holds");
    assert!(loaded.problems.is_empty(), "{}", loaded.problems);
    let names = loaded.config.included.iter();
    let names: Vec<_> = names
        .map(|it| it.file_name().unwrap_or_default().to_string_lossy())
        .collect();
    assert_eq!(names, ["10-list.toml", "20-weekly.toml"]);
    assert!(loaded.config.schedules.contains_key("weekly"));
    assert!(loaded.config.lists.contains_key("team"));
}

#[test]
fn include_may_stand_at_the_top_but_not_in_both_places() {
    let world = world(&[("conf.d/a.toml", LIST), ("conf.d/b.toml", WEEKLY)]);
    let top = MAIN.replace("[daemon]\n", "");
    let loaded = world.load(&top).expect("it holds");
    assert!(loaded.config.schedules.contains_key("weekly"));
    let both = told(&world, &format!("include = [\"conf.d/a.toml\"]\n{MAIN}"));
    assert!(
        both.contains("error[only-one-of]: `include` stands in two places"),
        "{both}"
    );
}

#[test]
fn a_path_starts_at_the_file_that_names_it() {
    let list = "[list.team]\ncsv = \"people.csv\"\noptional = [\"first_name\"]\n";
    let world = world(&[("conf.d/a.toml", list), ("conf.d/b.toml", WEEKLY)]);
    world.write(
        "conf.d/people.csv",
        "email,first_name\nada@example.org,Ada\n",
    );
    let loaded = world.load(MAIN).expect("it holds");
    assert!(loaded.problems.is_empty(), "{}", loaded.problems);
}

#[test]
fn a_name_in_two_files_is_shown_in_both() {
    let files = [
        ("conf.d/10-list.toml", LIST),
        ("conf.d/20-sales.toml", WEEKLY),
    ];
    let world = world(&files);
    let told = told(&world, &format!("{MAIN}\n{WEEKLY}"));
    let wanted = "\
error[duplicate-name]: two schedules are called `weekly`
 --> /etc/postroom/conf.d/20-sales.toml:1:11
  |
1 | [schedule.weekly]
  |           ^^^^^^ defined again
  |
 ::: /etc/postroom/postroom.toml:9:11
  |
9 | [schedule.weekly]
  |           ------ first defined here
  |
  = note: files add to each other; one never overrides another

conf.d/20-sales.toml: 1 error";
    assert_eq!(told, wanted);
}

#[test]
fn faults_of_all_files_are_told_in_one_go_each_in_its_own() {
    let files = [
        (
            "conf.d/a.toml",
            "[list.team]\ninlin = [\"ada@example.org\"]\n",
        ),
        (
            "conf.d/b.toml",
            "[schedule.weekly]\nsend = \"plain\"\nto = \"team\"\nvia = \"mian\"\n",
        ),
    ];
    let told = told(&world(&files), &MAIN.replace("user", "usr"));
    for wanted in [
        "/etc/postroom/postroom.toml:6:1",
        "/etc/postroom/conf.d/a.toml:2:1",
        "/etc/postroom/conf.d/b.toml:4:7",
        "did you mean `main`?",
        "::: /etc/postroom/postroom.toml:4:10",
        "postroom.toml and 2 included files: 3 errors",
    ] {
        assert!(told.contains(wanted), "{wanted} is not in\n{told}");
    }
}

#[test]
fn syntax_that_is_wrong_is_told_in_every_file() {
    let files = [
        ("conf.d/a.toml", "[list.team\n"),
        ("conf.d/b.toml", "x = \"\n"),
    ];
    let told = told(&world(&files), MAIN);
    assert!(told.contains("conf.d/a.toml:1:"), "{told}");
    assert!(told.contains("conf.d/b.toml:1:"), "{told}");
}

#[test]
fn what_holds_for_the_whole_stands_in_the_main_file_alone() {
    let text = "include = [\"more.toml\"]\n\n[daemon]\nkeep = \"9d\"\n";
    let told = told(&world(&[("conf.d/a.toml", text)]), MAIN);
    for wanted in [
        "error[main-file-only]: `include` stands in an included file",
        "error[main-file-only]: [daemon] stands in an included file",
        "= help: move it to /etc/postroom/postroom.toml",
    ] {
        assert!(told.contains(wanted), "{wanted} is not in\n{told}");
    }
}

#[test]
fn a_file_that_may_be_taken_for_an_included_one_is_named_and_nobody_fails() {
    let files = [
        ("conf.d/a.toml", LIST),
        ("conf.d/b.toml", WEEKLY),
        ("conf.d/20-sales.toml.bak", "not read"),
        ("conf.d/README", "neither"),
    ];
    let world = world(&files);
    let problems = world.load(MAIN).expect("it holds").problems;
    assert!(problems.is_clean() && !problems.is_empty());
    let told = world.redact(&problems.render(false));
    let wanted = "\
note[ignored-file]: 20-sales.toml.bak is not read: its name does not end in .toml
 --> /etc/postroom/postroom.toml:2:12
  |
2 | include = [\"conf.d/*.toml\"]
  |            ^^^^^^^^^^^^^^^

postroom.toml: no problems";
    assert_eq!(told, wanted);
}

#[test]
fn a_file_that_is_named_must_be_there_and_a_folder_should_be() {
    let world = world(&[]);
    let file = told(&world, &MAIN.replace("conf.d/*.toml", "conf.d/sales.toml"));
    assert!(file.contains("error[file-missing]"), "{file}");
    assert!(file.contains("included here"), "{file}");
    let folder = told(&world, &MAIN.replace("conf.d", "config.d"));
    assert!(folder.contains("warning[nothing-included]"), "{folder}");
    assert!(folder.contains("there is no such folder"), "{folder}");
}

#[test]
fn a_pattern_that_is_none_is_shown() {
    let told = told(&world(&[]), &MAIN.replace("*.toml", "[a.toml"));
    assert!(told.contains("is not a pattern of file names"), "{told}");
}

#[test]
fn the_last_line_names_the_file_that_the_faults_are_in() {
    let bad = WEEKLY.replace("send", "sned");
    let inner = [("conf.d/a.toml", LIST), ("conf.d/b.toml", &*bad)];
    let last = |told: String| told.lines().last().unwrap_or_default().to_owned();
    assert_eq!(last(told(&world(&inner), MAIN)), "conf.d/b.toml: 1 error");
    let main = MAIN.replace("user", "usr");
    let wanted = "postroom.toml and 1 included file: 2 errors";
    assert_eq!(last(told(&world(&inner), &main)), wanted);
    let list = LIST.replace("inline", "inlien");
    let inner = [("conf.d/a.toml", &*list), ("conf.d/b.toml", &*bad)];
    let wanted = "2 files that postroom.toml includes: 2 errors";
    assert_eq!(last(told(&world(&inner), MAIN)), wanted);
}

#[test]
fn a_list_that_is_not_beside_its_file_is_told_where_its_path_starts() {
    let list = "[list.team]\ncsv = \"lists/customers.csv\"\n";
    let told = told(
        &world(&[("conf.d/a.toml", list), ("conf.d/b.toml", WEEKLY)]),
        MAIN,
    );
    let wanted = "relative paths start at the folder of the file that names them";
    assert!(told.contains(wanted), "{told}");
    assert!(
        told.contains("/etc/postroom/conf.d/lists/customers.csv"),
        "{told}"
    );
}
