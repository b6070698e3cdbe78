//! OpenSMTPD, of Debian's package, in its root: TLS from the first byte, a login, and nobody whose
//! name begins with `nobody-`. It does not offer PIPELINING, and its refusal has no enhanced code.

use super::loopback::free_ports;
use super::mailbox;
use super::root::{Root, Running};
use super::testimony::{Testimony, USER, Witness, account, between};

const CONFIGURATION: &str = r#"
pki localhost cert "/etc/server.pem"
pki localhost key "/etc/server.key"
table logins file:/etc/logins
table people { "@" = "nobody" }
listen on 127.0.0.1 port PORT smtps pki localhost auth <logins> hostname mx.example.org
action "keep" maildir "/var/mail" virtual <people>
match from any auth for any rcpt-to regex "^person-" action "keep"
"#;

/// The password as crypt(3) has it.
const CRYPTED: &str = "$6$postroom$XkC7AYt4Pg00WODzrCp8r2KrNEfS8nJYSjEuczpoUd2w9VcH\
    8Ha/y0XH.D7VCXEf7nz1GATPvjubbaDjzjnv6.";

/// A running OpenSMTPD.
pub(crate) struct OpenSmtpd {
    running: Running,
    port: u16,
}

impl OpenSmtpd {
    /// Starts one, or says that `untried` was not tried.
    #[track_caller]
    pub(crate) fn start(untried: &str) -> Option<Self> {
        let root = Root::of("opensmtpd", untried)?;
        let [port] = free_ports();
        root.give_key(0);
        for folder in [
            "etc/ssl/certs",
            "var/lib/opensmtpd/empty",
            "var/run",
            "var/spool",
        ] {
            root.folder(folder, 0);
        }
        // It does not start without authorities to trust, though it never connects to anybody.
        std::fs::copy(root.ca(), root.path("etc/ssl/certs/ca-certificates.crt")).unwrap();
        root.write("etc/logins", &format!("{USER} {CRYPTED}\n"));
        let configuration = CONFIGURATION.replace("PORT", &port.to_string());
        root.write("etc/smtpd.conf", &configuration);
        let running = root.start(&["/usr/sbin/smtpd", "-d", "-f", "/etc/smtpd.conf"], port);
        Some(Self { running, port })
    }
}

impl Witness for OpenSmtpd {
    fn account(&self) -> String {
        account(self.port, &self.running.root.ca())
    }

    fn testimony(&self) -> Testimony {
        let root = &self.running.root;
        self.running
            .settle(&["var/spool/smtpd/incoming", "var/spool/smtpd/queue"]);
        let mut testimony = Testimony {
            mails: mailbox::read(&root.maildir()),
            ..Testimony::default()
        };
        let login = format!(" smtp authentication user={USER} result=ok");
        let mut logins = 0;
        for line in root.read("said").lines() {
            if line.contains(" smtp connected ") {
                testimony.connections += 1;
            } else if line.contains(" smtp tls ciphers=") {
                testimony.encrypted += 1;
            } else if line.ends_with(&login) {
                logins += 1;
            } else if let Some(address) = between(line, " result=\"550 Invalid recipient: <", ">") {
                testimony.refused.push(address.to_owned());
            } else if !is_ordinary(line) {
                testimony.complaints.push(line.to_owned());
            }
        }
        testimony.logins = Some(logins);
        testimony
    }
}

/// Mail taken, mail delivered, a client that said goodbye; and a task that it starts before it has
/// made the folder that the task looks into.
fn is_ordinary(line: &str) -> bool {
    let mail = [" smtp message ", " smtp envelope "];
    let ends = [
        " starting",
        " stat=Delivered",
        " disconnected reason=quit",
        "purge_task: opendir: No such file or directory",
    ];
    mail.iter().any(|it| line.contains(it)) || ends.iter().any(|it| line.ends_with(it))
}
