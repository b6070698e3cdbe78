//! Programs of lists that hang: who waits for them, and what becomes of them when postroom is told
//! to end, with the real binary.

use std::fs;
use std::process::{Child, ExitStatus};

use jiff::{SignedDuration, Timestamp};
use rustix::process::{Pid, Signal, kill_process};

use crate::world::patience::wait_for;
use crate::world::workspace::Workspace;

/// A schedule to a list that a program begins to print, and never ends to.
fn workspace(schedule: &str) -> Workspace {
    let program = "echo $$ > pids; sleep 3000 & echo $! >> pids; echo email; wait";
    let workspace = Workspace::new(&format!(
        "[account.main]\nhost = \"smtp.example.org\"\nfrom = \"me@example.org\"\n\n\
         [list.slow]\ncommand = [\"/bin/sh\", \"-c\", \"cd $(dirname $0) && {program}\", \
         \"PLACE/postroom.toml\"]\ntimeout = \"1h\"\n\n\
         [schedule.news]\nsend = \"note\"\nto = \"slow\"\nvia = \"main\"\n{schedule}\n"
    ));
    let config = fs::read_to_string(workspace.path("postroom.toml")).unwrap();
    let place = workspace.path("").display().to_string();
    let config = config.replace("PLACE/", &place);
    workspace.write("postroom.toml", config);
    workspace.write("templates/note/subject.txt", "Hello");
    workspace.write("templates/note/body.txt", "Hello\n");
    workspace
}

/// The shell of the list and what it started, once both run.
fn pids(workspace: &Workspace) -> [u32; 2] {
    wait_for("the list's program", || {
        let pids = fs::read_to_string(workspace.path("pids")).ok()?;
        let is_all = pids.ends_with('\n');
        let pids: Vec<u32> = pids.lines().filter_map(|it| it.parse().ok()).collect();
        pids.try_into().ok().filter(|_| is_all)
    })
}

/// A process that nobody has waited for yet is gone, too.
fn is_gone(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"));
    stat.map_or(true, |it| {
        it.rsplit(')')
            .next()
            .is_some_and(|it| it.trim().starts_with('Z'))
    })
}

fn wait_until_gone(pids: [u32; 2]) {
    for pid in pids {
        wait_for("the end of what the list started", || {
            is_gone(pid).then_some(())
        });
    }
}

fn ended(mut child: Child, signal: Signal) -> ExitStatus {
    kill_process(Pid::from_child(&child), signal).unwrap();
    wait_for("the command's end", || child.try_wait().unwrap())
}

#[test]
fn a_command_that_is_interrupted_leaves_no_program_behind() {
    let verbs: [&[&str]; 4] = [
        &["check", "--lists"],
        &["send", "news", "--dry-run"],
        &["preview", "news"],
        &["next", "--load", "--lists", "--to", "2030-01-01"],
    ];
    for verb in verbs {
        for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
            let workspace = workspace("cron = \"0 0 1 1 *\"");
            let child = workspace.postroom(verb).spawn().unwrap();
            let pids = pids(&workspace);
            assert!(pids.iter().all(|it| !is_gone(*it)));
            assert_eq!(ended(child, signal).code(), Some(code), "{verb:?}");
            wait_until_gone(pids);
        }
    }
}

/// It is no failure of the run, which the next daemon opens.
#[test]
fn a_daemon_that_ends_while_it_reads_a_list_ends_the_program_and_opens_the_run_again() {
    let soon = Timestamp::now() + SignedDuration::from_secs(3);
    let on = soon.strftime("%Y-%m-%dT%H:%M:%S");
    let workspace = workspace(&format!("on = \"{on}\""));
    let daemon = workspace.daemon();
    let first = pids(&workspace);
    assert!(daemon.stop().success());
    wait_until_gone(first);
    fs::remove_file(workspace.path("pids")).unwrap();
    let daemon = workspace.daemon();
    let again = pids(&workspace);
    assert!(daemon.stop().success());
    wait_until_gone(again);
}

#[test]
fn a_list_of_a_file_is_not_behind_those_of_programs() {
    let soon = Timestamp::now() + SignedDuration::from_secs(3);
    let on = soon.strftime("%Y-%m-%dT%H:%M:%S");
    let workspace = workspace(&format!("on = \"{on}\""));
    let mut config = fs::read_to_string(workspace.path("postroom.toml")).unwrap();
    let news = config.split_once("[schedule.news]").unwrap().1.to_owned();
    for n in 0..40 {
        config.push_str(&format!("[schedule.a{n}]{news}"));
    }
    let quick = news.replace("\"slow\"", "\"quick\"");
    config.push_str("[list.quick]\ninline = [\"ada@example.org\"]\n");
    config.push_str(&format!("[schedule.zzz]{quick}"));
    workspace.write("postroom.toml", config);
    let daemon = workspace.daemon();
    wait_for("the run of the file", || {
        let open = workspace.reader()?.open_runs().ok()?;
        let mut open = open.into_iter();
        open.find(|it| it.schedule == "zzz" && it.state == "sending")
    });
    assert!(daemon.stop().success());
}
