//! Exim, of Debian's package, in its root: TLS from the first byte, a login, and nobody whose name
//! begins with `nobody-`.

use std::collections::BTreeSet;

use super::loopback::free_ports;
use super::mailbox;
use super::root::{DAEMON, Root, Running};
use super::testimony::{PASSWORD, Testimony, USER, Witness, account, between};

const CONFIGURATION: &str = r#"
primary_hostname = mx.example.org
keep_environment =
notifier_socket =
spool_directory = /var/spool/exim4
log_file_path = /var/log/exim4/%slog
log_selector = +received_recipients +incoming_port +smtp_connection +smtp_protocol_error \
  +smtp_syntax_error +tls_cipher
local_interfaces = 127.0.0.1
daemon_smtp_ports = PORT
tls_on_connect_ports = PORT
tls_certificate = /etc/server.pem
tls_privatekey = /etc/server.key
auth_advertise_hosts = *
smtp_accept_queue_per_connection = 0
host_lookup =
acl_smtp_mail = mail
acl_smtp_rcpt = rcpt
never_users = root

begin acl
mail:
  deny !authenticated = *
  accept
rcpt:
  deny message = 5.1.1 Nobody of that name
       condition = ${if match{$local_part}{^nobody-}}
  accept

begin routers
people:
  driver = accept
  transport = keep

begin transports
keep:
  driver = appendfile
  maildir_format
  directory = /var/mail
  headers_add = Delivered-To: $local_part@$domain
  user = nobody
  group = nogroup

begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_set_id = $auth2
  server_condition = ${if and{{eq{$auth2}{USER}}{eq{$auth3}{PASSWORD}}}}
"#;

const LOG: &str = "var/log/exim4/mainlog";

/// A running Exim.
pub(crate) struct Exim {
    running: Running,
    port: u16,
}

impl Exim {
    /// Starts one, or says that `untried` was not tried.
    #[track_caller]
    pub(crate) fn start(untried: &str) -> Option<Self> {
        let root = Root::of("exim4-daemon-light", untried)?;
        let [port] = free_ports();
        root.give_key(DAEMON);
        root.folder("etc/exim4", 0);
        root.folder("var/spool/exim4", DAEMON);
        root.folder("var/log/exim4", DAEMON);
        let configuration = CONFIGURATION
            .replace("PORT", &port.to_string())
            .replace("USER", USER)
            .replace("PASSWORD", PASSWORD);
        root.write("etc/exim4/exim4.conf", &configuration);
        let running = root.start(&["/usr/sbin/exim4", "-bdf"], port);
        Some(Self { running, port })
    }
}

impl Witness for Exim {
    fn account(&self) -> String {
        account(self.port, &self.running.root.ca())
    }

    fn testimony(&self) -> Testimony {
        let root = &self.running.root;
        self.running.settle(&["var/spool/exim4/input"]);
        let mut testimony = Testimony {
            mails: mailbox::read(&root.maildir()),
            ..Testimony::default()
        };
        // A client by its address and port: its connection, and what of it was encrypted.
        let (mut encrypted, mut logged_in) = (BTreeSet::new(), BTreeSet::new());
        let log = root.read(LOG);
        for line in log.lines() {
            let client = between(line, "[127.0.0.1]:", " ");
            if line.contains(" X=TLS") {
                encrypted.extend(client);
            }
            if line.contains(&format!(" A=plain:{USER}")) {
                logged_in.extend(client);
            }
            if line.contains(" SMTP connection from ") && line.contains("connection count = ") {
                testimony.connections += 1;
            } else if let Some(address) = between(line, " rejected RCPT <", ">: 5.1.1 ") {
                testimony.refused.push(address.to_owned());
            } else if !is_ordinary(line) {
                testimony.complaints.push(line.to_owned());
            }
        }
        testimony.encrypted = encrypted.len();
        testimony.logins = Some(logged_in.len());
        testimony
    }
}

/// Mail taken, mail delivered, a client that said goodbye.
fn is_ordinary(line: &str) -> bool {
    let words = [" <= ", " => ", " closed by QUIT", " daemon started: "];
    line.ends_with(" Completed") || words.iter().any(|word| line.contains(word))
}
