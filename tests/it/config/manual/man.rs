//! The manual page, as groff reads it.

use std::fs;
use std::process::Command;

use postroom::config::key::KEYS;
use postroom::config::manual;

use crate::config::world::World;
use crate::world::skip::skip;

#[test]
fn the_page_has_every_key_with_its_example_and_groff_finds_nothing_to_say() {
    let world = World::new();
    let page = world.write("postroom.toml.5", manual::man_page());
    let shown = Command::new("groff")
        .args(["-k", "-man", "-ww", "-Tutf8", "-P-cbou", "-rLL=100n"])
        .arg(&page)
        .output();
    let Ok(shown) = shown else {
        skip("there is no groff", "the manual page was not formatted");
        return;
    };
    let complaints = String::from_utf8_lossy(&shown.stderr);
    assert!(
        shown.status.success() && complaints.is_empty(),
        "{complaints}"
    );
    let text = String::from_utf8(shown.stdout).expect("it was asked for UTF-8");
    let text = text.replace(['’', '‘'], "'").replace(['−', '‐'], "-");
    let words: Vec<&str> = text.split_whitespace().collect();
    let text = words.join(" ");
    for key in KEYS.iter().filter(|key| key.is_built() && !key.is_table()) {
        let example = format!("{} = {}", key.name(), key.example);
        let example = example.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains(&example), "{example} is not in\n{text}");
        let doc = key.doc.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains(&doc), "{doc} is not in\n{text}");
    }
    for word in [
        "SECRETS",
        "LoadCredential=",
        "\"100/minute burst 10\"",
        "[[account.<name>.rule]]",
    ] {
        assert!(text.contains(word), "{word} is not in\n{text}");
    }
    let lines = fs::read_to_string(&page).expect("it was written");
    let is_request = |line: &&str| line.starts_with('\'');
    assert_eq!(lines.lines().find(is_request), None);
}
