//! What a good file comes to.

use std::time::Duration;

use jiff::civil::date;
use postroom::audience::{Share, Source};
use postroom::calendar::When;
use postroom::compose::Class;
use postroom::config::key::{KEYS, Kind};
use postroom::config::{
    Addresses, BadRows, Canary, CatchUp, Config, Copied, Dkim, DomainLimits, Dsn, Empty, Group,
    LeaveScope, LogFormat, OnUncertain, OncePer, PROVIDERS, Proof, Rate, Rule, SaidTo, Servers,
    Tls, Treatment, find,
};
use postroom::secret::Secret;

use super::world::{FULL, World};

/// The smallest file that works, as the README shows it.
const SMALLEST: &str = r#"
[account.qq]
provider = "qq"
user     = "123456@qq.com"
password = { file = "secrets/relay" }

[list.staff]
csv = "lists/customers.csv"

[schedule.monday-note]
send = "digest"
to   = "staff"
via  = "qq"
cron = "0 9 * * Mon"
"#;

const MINUTE: Duration = Duration::from_secs(60);

fn rate(text: &str) -> Rate {
    text.parse().expect(text)
}

fn config(world: &World, text: &str) -> Config {
    let loaded = world
        .load(text)
        .unwrap_or_else(|problems| panic!("{}", problems.render(false)));
    assert!(
        !loaded.problems.has_errors(),
        "{}",
        loaded.problems.render(false)
    );
    loaded.config
}

#[test]
fn the_smallest_file_takes_its_defaults() {
    let world = World::new();
    let config = config(&world, SMALLEST);
    let account = &config.accounts["qq"];
    assert_eq!((account.host.as_str(), account.port), ("smtp.qq.com", 465));
    assert_eq!((account.tls, account.connections), (Tls::Implicit, 1));
    assert_eq!(account.provider.map(|it| it.name), Some("qq"));
    assert_eq!(account.messages_per_connection, 100);
    assert_eq!(account.connection_age, 5 * MINUTE);
    assert_eq!(account.connection_idle, Duration::from_secs(9));
    assert!(account.chaining);
    assert_eq!(account.dsn, None, "nobody is asked");
    assert_eq!(account.sender.from.to_string(), "123456@qq.com");
    assert_eq!(account.retry.first(), Some(&MINUTE));
    assert_eq!(account.retry.last(), Some(&(240 * MINUTE)));
    let login = account.login.as_ref().expect("it logs in");
    let secret = Secret::File(world.path().join("secrets/relay"));
    assert_eq!(login.proof, Proof::Password(secret));

    let schedule = &config.schedules["monday-note"];
    assert_eq!(schedule.expires, 24 * 60 * MINUTE);
    assert_eq!(schedule.catch_up, CatchUp::Within(60 * MINUTE));
    assert_eq!(schedule.resend_after, 15 * MINUTE);
    assert_eq!(schedule.on_uncertain, OnUncertain::Resend);
    assert_eq!(
        (schedule.empty, schedule.bad_rows),
        (Empty::Fail, BadRows::Skip)
    );
    assert_eq!((&schedule.retry, schedule.max_recipients), (&None, None));
    assert_eq!(schedule.zone, jiff::tz::TimeZone::UTC);
    assert_eq!(config.daemon.addresses, Addresses::Masked);
    assert_eq!(config.daemon.log, LogFormat::Auto);
    assert_eq!(config.daemon.language.to_string(), "en");
    assert_eq!(config.templates.keys().collect::<Vec<_>>(), ["digest"]);
}

#[test]
fn every_key_of_the_full_file_is_understood() {
    let world = World::new();
    let config = config(&world, FULL);
    assert_eq!(config.daemon.state, world.path().join("state"));
    assert_eq!(
        config.daemon.socket.to_str(),
        Some("/run/postroom/test.sock")
    );
    assert_eq!(config.daemon.language.to_string(), "de");
    let monday = config.templates["monday"].source();
    assert_eq!(monday.subject.content, "Dear {{first_name}}");
    assert_eq!(
        monday.markdown.as_ref().map(|it| &*it.file),
        Some("note.md")
    );
    assert_eq!(monday.language_field.as_deref(), Some("plan"));
    assert_eq!(monday.language, config.daemon.language);
    let headers = &config.templates["digest"].source().headers;
    let headers: Vec<_> = headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.content.as_str()))
        .collect();
    assert_eq!(headers, [("X-Priority", "1"), ("X-Team", "{{plan}}")]);
    let main = &config.accounts["main"];
    assert_eq!((main.host.as_str(), main.port), ("smtp.fastmail.com", 465));
    let rates: Vec<_> = main.rate.iter().map(ToString::to_string).collect();
    assert_eq!(rates, ["2/second", "4000/day"]);
    let domains: Vec<_> = main.domains.keys().collect();
    assert_eq!(domains, ["gmail.com", "xn--bcher-kva.example"]);
    let gmail = DomainLimits {
        rate: vec![rate("1/second"), rate("900/hour burst 7")],
        connections: Some(2),
    };
    assert_eq!(main.domains["gmail.com"], gmail);
    assert_eq!(config.daemon.rate, [rate("1000/minute burst 40")]);
    let relay = &config.accounts["relay"];
    assert_eq!(relay.retry, [MINUTE, 5 * MINUTE, 90 * MINUTE]);
    assert_eq!(relay.messages_per_connection, 20);
    assert_eq!(relay.connection_age, 2 * MINUTE);
    assert_eq!(relay.connection_idle, MINUTE / 2);
    assert!(!relay.chaining);
    let asked = Dsn {
        failure: true,
        delay: true,
        success: false,
    };
    assert_eq!(relay.dsn, Some(asked));
    assert_eq!(relay.ca, Some(world.path().join("ca.pem")));
    let tomorrow = Rule {
        reply: Some("551 5.7.1".parse().expect("a code and an enhanced one")),
        text: Some("try again tomorrow".to_owned()),
        at: Some(SaidTo::Rcpt),
        then: Treatment::Later,
    };
    assert_eq!((relay.rules.len(), &relay.rules[0]), (2, &tomorrow));
    assert_eq!(main.rules, []);
    let dkim = Dkim {
        domain: "example.org".to_owned(),
        selector: "pr1".to_owned(),
        key: Secret::File(world.path().join("secrets/dkim")),
    };
    assert_eq!((&main.dkim[..], &relay.dkim[..]), (&[dkim][..], &[][..]));

    let cloud = &config.accounts["cloud"];
    assert_eq!(
        (cloud.host.as_str(), cloud.port),
        ("smtp.eu.mailgun.org", 587)
    );
    let login = cloud.login.as_ref().expect("it logs in");
    assert_eq!(login.proof.name(), "token");
    assert_eq!(login.proof.secret().keep(), Some(50 * MINUTE));

    let Source::Inline(team) = &config.lists["team"].source else {
        panic!("it is inline")
    };
    assert_eq!(team[0].address, "Ada Lovelace <ada@example.org>");
    assert_eq!(team[1].address, "bo@example.org");
    assert_eq!(team[1].fields["seats"], 3);
    assert_eq!(team[1].fields["since"], "2026-01-31");
    let partners = &config.lists["partners"];
    let Source::Json(file) = &partners.source else {
        panic!("it is JSON")
    };
    assert_eq!(file.path, world.path().join("lists/partners.json"));
    assert_eq!(file.rows, "data.people".parse().ok());
    let fields = serde_json::json!({ "team": "ops", "tier": 2 });
    assert_eq!(partners.fields, *fields.as_object().expect("a table"));
    assert_eq!(partners.defaults["first_name"], "friend");

    let customers = &config.lists["customers"];
    assert_eq!(customers.max_age, Some(26 * 60 * MINUTE));
    let Source::Command(builds) = &config.lists["builds"].source else {
        panic!("a program prints it")
    };
    assert_eq!(builds.program.argv[0], "printf");
    assert_eq!(builds.program.limit, 90 * MINUTE / 60);

    let leave = config
        .unsubscribe
        .as_ref()
        .expect("it says how readers leave");
    let url = "https://example.org/leave/{{token}}";
    assert_eq!(leave.url.as_deref(), Some(url));
    assert_eq!(leave.mailto.as_deref(), Some("leave@example.org"));
    let secret = |name: &str| Secret::File(world.path().join("secrets").join(name));
    assert_eq!(leave.key, secret("links"));
    assert_eq!(leave.former_keys, [secret("links-before")]);
    assert_eq!(leave.scope, LeaveScope::All);
    let postal = "Example Ltd, 1 High Street, London";
    assert_eq!(main.postal_address.as_deref(), Some(postal));
    assert_eq!(main.feedback_id.as_deref(), Some("exampleltd"));

    let digest = &config.schedules["weekly-digest"];
    assert_eq!(digest.class, Class::Notice);
    assert_eq!(digest.list_id.as_deref(), Some("digest.example.org"));
    let editors = "Editors <editors@example.org>".parse().ok();
    assert_eq!(digest.reply_to, editors);
    assert_eq!(digest.to, ["customers", "team"]);
    assert_eq!(digest.zone.iana_name(), Some("America/New_York"));
    let once = OncePer {
        fields: vec!["email".to_owned(), "plan".to_owned()],
        lasts: Some(180 * 24 * 60 * MINUTE),
    };
    assert_eq!(digest.once_per, Some(once));
    assert_eq!(digest.max_change, Some(Share(45)));
    assert_eq!(config.lists["customers"].max_change, Some(Share(30)));
    assert_eq!(config.lists["team"].max_change, None);
    assert_eq!(config.schedules["party"].except, ["customers"]);
    assert!(digest.except.is_empty());
    let (people, wait) = (19, Duration::ZERO);
    assert_eq!(digest.canary, Some(Canary { people, wait }));
    let (people, wait) = (11, 12 * MINUTE);
    let morning = config.schedules["good-morning"].canary;
    assert_eq!(morning, Some(Canary { people, wait }));
    assert_eq!(config.schedules["party"].via, ["relay", "main"]);
    let one = |text: &str| Copied::One(text.parse().expect("a mailbox"));
    let group = Group {
        cc: vec![one("Boss <boss@example.org>"), one("chair@example.org")],
        bcc: vec![one("archive@example.org")],
    };
    assert_eq!(config.schedules["party"].group, Some(group));
    assert_eq!(config.schedules["by-hand"].group, None);
    let party = config.schedules["party"]
        .calendar
        .as_ref()
        .expect("it has a time");
    let days = [
        date(2026, 12, 24).at(9, 0, 0, 0),
        date(2026, 12, 25).at(9, 0, 0, 0),
    ];
    let When::On(dates) = &party.when else {
        panic!("it has dates")
    };
    assert_eq!(dates[..2], days);
    assert_eq!(dates[2], date(2026, 12, 26).at(10, 30, 0, 0));
    assert_eq!(config.schedules["by-hand"].calendar, None);
    assert_eq!(config.schedules["by-hand"].catch_up, CatchUp::Never);
}

/// Presets by `provider`, and what each comes to without a further word.
#[test]
fn every_provider_is_a_server_with_limits_and_a_hint() {
    let world = World::new();
    for provider in PROVIDERS {
        let ca = match provider.own_certificate {
            Some(_) => "ca = \"ca.pem\"\n",
            None => "",
        };
        let region = match &provider.servers {
            Servers::Regions { usual: None, .. } => "region = \"eu-west-1\"\n",
            _ => "",
        };
        let name = provider.name;
        let preset = format!("provider = \"{name}\"\n{ca}{region}");
        let text = SMALLEST.replace("provider = \"qq\"\n", &preset);
        let account = &config(&world, &text).accounts["qq"];
        assert_eq!(account.provider, Some(provider), "{name}");
        assert!(provider.hosts().any(|host| host == account.host), "{name}");
        assert_eq!((account.port, account.tls), (provider.port, provider.tls));
        assert_eq!(account.connections, provider.connections.unwrap_or(3));
        let messages = provider.messages_per_connection.unwrap_or(100);
        assert_eq!(account.messages_per_connection, messages, "{name}");
        assert_eq!(account.rate.first(), provider.rate.as_ref(), "{name}");
        let hints = [Some(provider.password_hint), provider.token_hint];
        assert!(hints.iter().flatten().all(|hint| hint.len() > 30), "{name}");
    }
    let names: Vec<_> = PROVIDERS.iter().map(|it| it.name).collect();
    assert!(names.is_sorted(), "{names:?}");
}

#[test]
fn the_readmes_name_every_provider() {
    for readme in [
        include_str!("../../../README.md"),
        include_str!("../../../README.zh.md"),
    ] {
        let words: Vec<&str> = readme.split(|c: char| !c.is_ascii_alphanumeric()).collect();
        for provider in PROVIDERS {
            assert!(words.contains(&provider.name), "{}", provider.name);
        }
    }
}

#[test]
fn what_is_written_wins_over_the_preset() {
    let world = World::new();
    let written = "provider = \"office365\"\nconnections = 2\nmessages_per_connection = 7\n\
                   rate = \"5/minute\"\n";
    let text = SMALLEST.replace("provider = \"qq\"\n", written);
    let account = &config(&world, &text).accounts["qq"];
    assert_eq!(
        (account.connections, account.messages_per_connection),
        (2, 7)
    );
    let rates: Vec<_> = account.rate.iter().map(ToString::to_string).collect();
    assert_eq!(rates, ["5/minute"]);
}

#[test]
fn a_region_has_its_server() {
    let world = World::new();
    for (provider, region, host) in [
        ("ses", "eu-west-1", "email-smtp.eu-west-1.amazonaws.com"),
        ("mailgun", "eu", "smtp.eu.mailgun.org"),
        ("zoho", "in", "smtp.zoho.in"),
        (
            "aliyun",
            "ap-southeast-1",
            "smtpdm-ap-southeast-1.aliyuncs.com",
        ),
    ] {
        let preset = format!("provider = \"{provider}\"\nregion = \"{region}\"\n");
        let text = SMALLEST.replace("provider = \"qq\"\n", &preset);
        assert_eq!(config(&world, &text).accounts["qq"].host, host);
    }
}

/// Whoever names the host of a provider is advised as one who names the provider.
#[test]
fn a_provider_is_known_by_its_host() {
    let world = World::new();
    for (host, provider) in [
        ("smtp.qq.com", Some("qq")),
        ("SMTP.Gmail.com", Some("gmail")),
        ("email-smtp.eu-west-1.amazonaws.com", Some("ses")),
        ("smtp.example.org", None),
    ] {
        let text = SMALLEST.replace("provider = \"qq\"", &format!("host = \"{host}\""));
        let account = &config(&world, &text).accounts["qq"];
        assert_eq!(account.provider.map(|it| it.name), provider, "{host}");
        assert_eq!(
            account.connections, 3,
            "its limits are for those who name it"
        );
    }
}

#[test]
fn a_file_loads_to_the_same_value_twice() {
    let world = World::new();
    assert_eq!(config(&world, FULL), config(&world, FULL));
}

/// For every key another value, and a difference: a key that changes nothing is a defect.
#[test]
fn every_key_that_is_accepted_changes_something() {
    let others = [
        ("config_version = 1", "config_version = 7"),
        ("\"Europe/Berlin\"", "\"Europe/Paris\""),
        ("\"de\"", "\"fr\""),
        ("= \"state\"", "= \"elsewhere\""),
        ("test.sock", "other.sock"),
        ("\"json\"", "\"logfmt\""),
        ("addresses = \"full\"", "addresses = \"none\""),
        ("\"30d\"", "\"31d\""),
        ("\"1000/minute burst 40\"", "\"1000/minute\""),
        ("\"900/hour burst 7\"", "\"900/hour burst 8\""),
        ("connections = 2", "connections = 1"),
        ("\"Bücher.Example\"", "\"buecher.example\""),
        ("\"45%\"", "\"46%\""),
        ("= 19", "= 18"),
        ("people = 11", "people = 12"),
        ("\"12m\"", "\"13m\""),
        ("[\"relay\", \"main\"]", "\"relay\""),
        ("\"ops@example.org\"", "\"it@example.org\""),
        ("via     = \"relay\"\ncommand", "via = \"main\"\ncommand"),
        ("[\"true\", \"page\"]", "[\"true\", \"call\"]"),
        ("\"9s\"", "\"8s\""),
        ("[\"printf\", \"yes\"]", "[\"printf\", \"no\"]"),
        ("\"5s\"", "\"6s\""),
        ("\"fastmail\"", "\"gmail\""),
        ("\"mx.corp.example\"", "\"mx2.corp.example\""),
        ("2525", "2526"),
        ("\"starttls\"", "\"implicit\""),
        (
            "port        = 2525\ntls         = \"starttls\"\nodd_port    = false",
            "port = 465\ntls = \"starttls\"\nodd_port = true",
        ),
        ("\"ca.pem\"", "\"secrets/../ca.pem\""),
        ("\"postroom\"", "\"clerk\""),
        ("{ file = \"secrets/relay\" }", "{ env = \"PATH\" }"),
        ("Postroom <postroom@", "Clerk <clerk@"),
        ("help@", "info@"),
        ("100/10s", "100/20s"),
        ("connections = 4", "connections = 5"),
        ("= 20\n", "= 21\n"),
        ("\"2m\"", "\"3m\""),
        ("\"30s\"", "\"31s\""),
        ("chaining                = false", ""),
        ("[\"failure\", \"delay\"]", "\"never\""),
        ("\"1h30m\"", "\"2h\""),
        ("hello       = \"mail.", "hello       = \"post."),
        ("\"551 5.7.1\"", "\"55\""),
        ("Try again tomorrow", "Try again today"),
        ("at    = \"rcpt\"", "at    = \"dot\""),
        ("then  = \"later\"", "then  = \"reject\""),
        ("\"eu\"", "\"us\""),
        ("[\"printf\", \"%s\", \"x\"]", "[\"printf\", \"y\"]"),
        ("keep = \"50m\"", "keep = \"51m\""),
        ("ada@example.org", "ida@example.org"),
        ("lists/german.csv", "lists/../lists/german.csv"),
        ("\"e-mail\"", "\"plan\""),
        (
            "name_column    = \"first_name\"",
            "name_column    = \"plan\"",
        ),
        ("[\"company\"]", "[]"),
        ("\"utf-8\"", "\"gb18030\""),
        ("separator      = \";\"", ""),
        ("\"26h\"", "\"27h\""),
        ("ada@example.org\\\\n", "bo@example.org\\\\n"),
        ("\"90s\"", "\"91s\""),
        ("lists/partners.json", "lists/../lists/partners.json"),
        ("rows     = \"data.people\"", "rows = \"data.persons\""),
        ("tier = 2", "tier = 3"),
        ("\"friend\"", "\"colleague\""),
        ("layout = false", ""),
        ("[\"files/terms.txt\"]", "[]"),
        ("\"7s\"", "\"70s\""),
        ("[\"printf\", \"{}\"]", "[\"printf\", \"{ }\"]"),
        (
            "file    = \"files/report.json\"",
            "file = \"files/today.json\"",
        ),
        ("\"30h\"", "\"31h\""),
        ("\"Prices.csv\"", "\"Price.csv\""),
        ("\"text/csv\"", "\"text/plain\""),
        (
            "file    = \"files/today.json\"",
            "file = \"files/report.json\"",
        ),
        ("\"29h\"", "\"28h\""),
        ("[\"printf\", \"[]\"]", "[\"printf\", \"[ ]\"]"),
        ("\"8s\"", "\"80s\""),
        ("\"Dear {{first_name}}\"", "\"For {{first_name}}\""),
        ("templates/note.md", "templates/tidy/body.txt"),
        ("\"plan\"\n\n[schedule", "\"seats\"\n\n[schedule"),
        ("send           = \"digest\"", "send = \"plain\""),
        ("[\"customers\", \"team\"]", "\"customers\""),
        ("via            = \"main\"", "via = \"relay\""),
        ("0 9 * * Mon", "0 9 * * Tue"),
        ("2026-12-24T09:00", "2026-12-23T09:00"),
        ("America/New_York", "America/Toronto"),
        ("[\"10m\"]", "[\"11m\"]"),
        ("\"4d\"", "\"5d\""),
        ("50/minute", "60/minute"),
        ("20_000", "20_001"),
        ("\"6h\"", "\"7h\""),
        (
            "{ column = \"plan\", otherwise",
            "{ column = \"seats\", otherwise",
        ),
        ("\"Asia/Tokyo\"", "\"Asia/Seoul\""),
        ("overlap        = \"skip\"", "overlap = \"queue\""),
        ("\"hold\"", "\"assume-sent\""),
        ("\"0s\"", "\"1s\""),
        ("\"skip\"", "\"fail\""),
        ("\"refuse\"", "\"skip\""),
        ("[\"email\", \"plan\"]", "[\"email\", \"first_name\"]"),
        ("\"180d\"", "\"181d\""),
        ("sales/*.toml", "sales/none*.toml"),
        ("\"pr1\"", "\"pr2\""),
        ("\"secrets/dkim\"", "\"secrets/other\""),
        ("domain   = \"example.org\"", "domain = \"example.com\""),
    ];
    let world = World::new();
    world.write("templates/layout.txt", "{{{body}}}\n-- \nus\n");
    std::fs::create_dir(world.path().join("templates/plain")).expect("it is new");
    world.write("templates/plain/subject.txt", "Hello");
    world.write("templates/plain/body.txt", "Hello");
    let as_it_is = world.load(FULL);
    for (value, other) in others {
        assert!(FULL.contains(value), "{value} is in the full file");
        let changed = world.load(FULL.replacen(value, other, 1));
        let same = match (&as_it_is, &changed) {
            (Ok(before), Ok(after)) => before.config == after.config,
            (before, after) => before.is_ok() == after.is_ok() && !value.contains("odd_port"),
        };
        assert!(!same, "{value} to {other}: no difference");
    }
    let built = KEYS.iter().filter(|key| {
        !matches!(
            key.kind,
            Kind::Planned | Kind::Table | Kind::Tables | Kind::TableList | Kind::OneOrMoreTables
        )
    });
    for key in built {
        let line = |line: &str| {
            line.split('=')
                .next()
                .is_some_and(|it| it.trim() == key.name())
        };
        assert!(
            FULL.lines().any(line),
            "{} is not in the full file",
            key.path
        );
    }
}

#[test]
fn a_byte_order_mark_and_windows_line_ends_are_no_fault() {
    let world = World::new();
    let windows = format!("\u{feff}{}", SMALLEST.replace('\n', "\r\n"));
    assert_eq!(config(&world, &windows), config(&world, SMALLEST));
}

#[test]
fn a_named_file_is_found_where_it_is_named() {
    let path = std::path::Path::new("some/where.toml");
    assert_eq!(find(Some(path)).as_deref(), Ok(path));
}

#[test]
fn a_list_that_is_a_pipe_is_refused_and_waited_for_by_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("people");
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RUSR).unwrap();
    let world = World::new();
    let text = SMALLEST.replace("lists/customers.csv", &pipe.display().to_string());
    let problems = world.load(&text).unwrap().problems;
    let told = problems.render(false);
    assert!(told.contains("a pipe (FIFO), not a file"), "{told}");
}
