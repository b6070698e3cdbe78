//! `config show`: what it says means the same configuration.

use postroom::config::key::{KEYS, of_written};
use postroom::config::{Config, Origin, PROVIDERS, Servers, Setting, ShownLine, Written, show};

use super::world::{FULL, World};

const REST: &str = "
[list.staff]
inline = [{ email = \"ada@example.org\", first_name = \"Ada\", plan = \"pro\" }]

[schedule.note]
send = \"digest\"
to   = \"staff\"
via  = \"main\"
";

fn load(world: &World, text: &str) -> Config {
    match world.load(text) {
        Ok(loaded) => loaded.config,
        Err(problems) => panic!("{}\n{text}", problems.render(false)),
    }
}

/// What is shown, as a file; secrets are put back in.
fn written_back(config: &Config, secrets: &[(&str, &str)]) -> String {
    let mut text = String::new();
    for line in show(config, false).lines {
        match line {
            ShownLine::Header(heading) => text += &format!("\n{heading}\n"),
            // Everything is in one file then.
            ShownLine::Value(it) if it.name == "include" => {}
            ShownLine::Value(it) if it.follows => text += &format!("# {} = {}\n", it.name, it.text),
            ShownLine::Value(it) => text += &format!("{} = {}\n", it.name, it.text),
        }
    }
    for (shown, secret) in secrets {
        text = text.replace(shown, secret);
    }
    assert!(!text.contains('‹'), "{text}");
    text
}

#[track_caller]
fn means_the_same(world: &World, text: &str, secrets: &[(&str, &str)]) {
    let mut before = load(world, text);
    let shown = written_back(&before, secrets);
    let mut after = load(world, &shown);
    // What it means is the same, where it stands is not.
    for config in [&mut before, &mut after] {
        config.written = Written::default();
        config.included.clear();
    }
    assert_eq!(before, after, "{shown}");
}

fn settings(config: &Config, redacted: bool) -> Vec<Setting> {
    let lines = show(config, redacted).lines.into_iter();
    let settings = lines.filter_map(|line| match line {
        ShownLine::Header(_) => None,
        ShownLine::Value(setting) => Some(setting),
    });
    settings.collect()
}

const SECRETS: &[(&str, &str)] = &[
    ("‹file secrets/relay, 0600›", "{ file = \"secrets/relay\" }"),
    ("‹file secrets/links, 0600›", "{ file = \"secrets/links\" }"),
    (
        "‹file secrets/links-before, 0600›",
        "{ file = \"secrets/links-before\" }",
    ),
    ("‹file secrets/dkim, 0600›", "{ file = \"secrets/dkim\" }"),
    ("‹text in the file›", "\"hunter2\""),
    (
        "‹command printf, kept for 50m›",
        "{ command = [\"printf\", \"%s\", \"x\"], keep = \"50m\" }",
    ),
];

#[test]
fn what_is_shown_of_a_full_file_means_the_same() {
    means_the_same(&World::new(), FULL, SECRETS);
}

#[test]
fn what_is_shown_of_any_provider_and_any_default_means_the_same() {
    let world = World::new();
    let login = "user = \"ada@example.org\"\npassword = { file = \"secrets/relay\" }\n";
    for provider in PROVIDERS {
        let region = match provider.servers {
            Servers::Regions { all, .. } => format!("region = \"{}\"\n", all[0].0),
            Servers::One(_) => String::new(),
        };
        let ca = provider.own_certificate.map_or("", |_| "ca = \"ca.pem\"\n");
        let name = provider.name;
        let account = format!("[account.main]\nprovider = \"{name}\"\n{region}{ca}{login}");
        means_the_same(&world, &[&account, REST].concat(), SECRETS);
    }
    for tls in ["implicit", "starttls", "none"] {
        let account =
            format!("[account.main]\nhost = \"h\"\ntls = \"{tls}\"\nfrom = \"a@b.org\"\n");
        for rest in ["", "cron = \"0 9 * * *\"\n", "on_uncertain = \"hold\"\n"] {
            means_the_same(&world, &[&account, REST, rest].concat(), SECRETS);
        }
    }
    let layout = "[account.main]\nhost = \"h\"\nfrom = \"a@b.org\"\n\n[template.digest]\n";
    means_the_same(&world, &[layout, REST].concat(), SECRETS);
}

#[test]
fn every_value_says_where_it_comes_from() {
    let world = World::new();
    let text = "config_version = 1\n\n[account.main]\nprovider = \"qq\"\nuser = \"a@qq.com\"\n\
                password = { file = \"secrets/relay\" }\n";
    let config = load(&world, &[text, REST].concat());
    let settings = settings(&config, false);
    let of = |key: &str| settings.iter().find(|it| it.key == key).expect(key);
    let line = |line| Origin::File {
        path: world.path().join("postroom.toml"),
        line,
    };
    assert_eq!(of("config_version").origin, line(1));
    assert_eq!(of("account.main.user").origin, line(5));
    assert_eq!(
        of("account.main.password").text,
        "‹file secrets/relay, 0600›"
    );
    assert_eq!(of("account.main.host").text, "\"smtp.qq.com\"");
    assert_eq!(of("account.main.host").origin, Origin::Provider("qq"));
    assert_eq!(
        of("account.main.connections").origin,
        Origin::Provider("qq")
    );
    assert_eq!(of("account.main.chaining").origin, Origin::Default);
    assert_eq!(of("account.main.from").text, "\"a@qq.com\"");
    assert_eq!(of("schedule.note.via").origin, line(14));
    assert_eq!(of("schedule.note.timezone").text, "\"UTC\"");
    assert_eq!(of("schedule.note.timezone").origin, Origin::Default);
    let zoned = text.replacen("\n\n", "\n[daemon]\ntimezone = \"Asia/Tokyo\"\n\n", 1);
    let settings = self::settings(&load(&world, &[&zoned, REST].concat()), false);
    let zone = settings
        .iter()
        .find(|it| it.key == "schedule.note.timezone");
    assert_eq!(
        zone.map(|it| (&*it.text, &it.origin)),
        Some(("\"Asia/Tokyo\"", &line(3)))
    );
}

#[test]
fn what_is_shown_comes_in_the_order_of_the_table_of_keys() {
    let config = load(&World::new(), FULL);
    let rank = |name: &str, table: &str| {
        KEYS.iter()
            .position(|it| it.name() == name && it.table() == table)
    };
    let mut last = None;
    for line in show(&config, false).lines {
        let ShownLine::Value(it) = line else {
            last = None;
            continue;
        };
        if it.key.starts_with("schedule.") && it.key.matches('.').count() == 2 {
            let rank = rank(it.name, "schedule.*");
            assert!(last < rank, "{} is out of order", it.key);
            last = rank;
        }
    }
}

#[test]
fn columns_that_people_named_are_shown_to_others_under_one_sign() {
    let world = World::new();
    let list = "[list.staff]\ninline = [{ email = \"ada@example.org\", salary = \"9\", \
                plan = \"pro\", first_name = \"A\" }]\noptional = [\"salary\"]\n";
    let account = "[account.main]\nhost = \"h\"\nfrom = \"a@b.org\"\n";
    let schedule = "[schedule.note]\nsend = \"digest\"\nto = \"staff\"\nvia = \"main\"\n\
                    once_per = [\"email\", \"salary\"]\n";
    let settings = settings(&load(&world, &[account, list, schedule].concat()), true);
    let of = |name: &str| &settings.iter().find(|it| it.name == name).unwrap().text;
    let sign = of("optional").trim_matches(['[', ']', '"']);
    assert!(sign.starts_with('x') && sign.len() == 9, "{sign}");
    let (inline, once_per) = (of("inline"), of("once_per"));
    assert!(inline.contains(&format!("{sign} = ")), "{inline}");
    assert_eq!(*once_per, format!("[\"email\", \"{sign}\"]"));
    assert!(
        !inline.contains("salary") && !inline.contains("plan"),
        "{inline}"
    );
    assert!(inline.starts_with("[{ email = "), "{inline}");
}

#[test]
fn what_is_shown_to_others_names_nobody() {
    let world = World::new();
    let config = load(&world, FULL);
    let shown = |config| format!("{:#?}", show(config, true).lines);
    let said = shown(&config);
    for name in [
        "example",
        "corp",
        "ada",
        "Ada",
        "news",
        "relay",
        "digest",
        "customers",
        "german",
        "hunter2",
        "first_nam\"",
        "postmaster",
        "cher",
        "gmail",
        "tomorrow",
    ] {
        let values = said
            .lines()
            .filter(|it| it.contains("text:") || it.contains("Header"));
        let mut values = values.chain(said.lines().filter(|it| it.contains("key:")));
        let found = values.find(|it| it.contains(name));
        assert_eq!(found, None, "{name}");
    }
    assert!(said.contains("2/second"), "what is no name stays");
    assert!(said.contains("America/New_York"), "what is no name stays");
    assert_eq!(said, shown(&config), "the same each time");
    // What refers to something still does.
    let settings = settings(&config, true);
    let via = settings
        .iter()
        .find(|it| it.name == "via" && it.key.starts_with("schedule"));
    let via = via.unwrap().text.trim_matches('"');
    let account = format!("account.{via}.provider");
    assert!(settings.iter().any(|it| it.key == account), "{account}");
}

#[test]
fn a_path_in_a_file_means_one_key_whatever_the_names_in_it() {
    for (written, meant) in [
        ("config_version", Some("config_version")),
        ("account.main.rate", Some("account.*.rate")),
        ("account.a.b.rate", Some("account.*.rate")),
        (
            "account.a.domain.\"b.org\".rate",
            Some("account.*.domain.*.rate"),
        ),
        ("account.main.rule.reply", Some("account.*.rule.reply")),
        ("schedule.x.canary.people", Some("schedule.*.canary.people")),
        ("account..rate", None),
        ("account.main.rates", None),
    ] {
        assert_eq!(of_written(written).map(|key| key.path), meant, "{written}");
    }
}
