//! A Postfix of our own: its configuration, queue and data below a temporary folder, on free ports
//! of loopback, with a certificate from an authority made for it. It takes mail for everybody whose
//! name does not begin with `nobody-` and delivers it into one Maildir.

use std::fs;
use std::io::Write;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::certificate::{CA, certify};
use super::loopback::{free_ports, listens};
use super::mailbox;
use super::patience::wait_for;
use super::root::{NOBODY, is_empty};
use super::skip::skip;
use super::testimony::{PASSWORD, Testimony, USER, Witness, account, between};
use super::workspace::folder;

const MAIN: &str = "\
compatibility_level = 3.6
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
queue_directory = FOLDER/spool
data_directory = FOLDER/data
maillog_file = FOLDER/log
maillog_file_prefixes = FOLDER
mail_owner = postfix
setgid_group = postdrop
myhostname = mx.example.org
mydestination =
alias_maps =
inet_interfaces = loopback-only
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_client_connection_count_limit = 0
smtpd_tls_cert_file = FOLDER/server.pem
smtpd_tls_key_file = FOLDER/server.key
smtpd_tls_loglevel = 1
virtual_mailbox_domains = static:all
virtual_mailbox_base = FOLDER
virtual_mailbox_maps = regexp:FOLDER/people
virtual_mailbox_limit = 0
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
in_flow_delay = 0
strict_smtputf8 = yes
";

const MASTER: &str = "\
127.0.0.1:SMTPS inet n - n - - smtpd
    -o smtpd_tls_wrappermode=yes
127.0.0.1:STARTTLS inet n - n - - smtpd
    -o smtpd_tls_security_level=encrypt
127.0.0.1:SUBMISSION inet n - n - - smtpd
    -o smtpd_tls_wrappermode=yes
    -o smtpd_sasl_auth_enable=yes
    -o smtpd_relay_restrictions=permit_sasl_authenticated,reject
    -o smtpd_recipient_restrictions=reject_unauth_pipelining
    -o smtpd_data_restrictions=reject_unauth_pipelining
anvil   unix  -  -  n  -     1  anvil
bounce  unix  -  -  n  -     0  bounce
cleanup unix  n  -  n  -     0  cleanup
defer   unix  -  -  n  -     0  bounce
error   unix  -  -  n  -     -  error
postlog unix-dgram n - n -   1  postlogd
proxymap unix -  -  n  -     -  proxymap
qmgr    unix  n  -  n  300   1  qmgr
retry   unix  -  -  n  -     -  error
rewrite unix  -  -  n  -     -  trivial-rewrite
tlsmgr  unix  -  -  n  1000? 1  tlsmgr
trace   unix  -  -  n  -     0  bounce
virtual unix  -  n  n  -     -  virtual
";

/// Whom it knows.
const PEOPLE: &str = "!/^nobody-/ mail/\n";

/// Logins come from a database of ours. Debian's Postfix looks for this file beside its own.
const SASL: &str = "\
pwcheck_method: auxprop
auxprop_plugin: sasldb
sasldb_path: FOLDER/logins
mech_list: PLAIN LOGIN
";

/// A running Postfix; it is stopped when this value goes.
pub(crate) struct Postfix {
    folder: TempDir,
    /// TLS from the first byte.
    pub(crate) smtps: u16,
    /// TLS after STARTTLS, which is mandatory.
    pub(crate) starttls: u16,
    /// TLS from the first byte, and a login, if there are any.
    submission: u16,
}

impl Postfix {
    /// Starts one, or says that `untried` was not tried because it is not installed.
    #[track_caller]
    pub(crate) fn start(untried: &str) -> Option<Self> {
        if !Path::new("/usr/sbin/postfix").exists() {
            skip("Postfix is not installed", untried);
            return None;
        }
        if !rustix::process::geteuid().is_root() {
            skip("Postfix starts as root only", untried);
            return None;
        }
        let folder = folder();
        let [smtps, starttls, submission] = free_ports();
        let postfix = Self {
            folder,
            smtps,
            starttls,
            submission,
        };
        postfix.configure();
        certify(postfix.folder.path());
        postfix.control("start");
        for port in [smtps, starttls, submission] {
            wait_for("Postfix's port", || listens(port).then_some(()));
        }
        Some(postfix)
    }

    fn configure(&self) {
        for part in ["etc", "etc/sasl", "spool", "data", "mail"] {
            fs::create_dir(self.path(part)).unwrap();
        }
        chown(self.path("data"), Some(user("postfix")), None).unwrap();
        chown(self.path("mail"), Some(NOBODY), Some(NOBODY)).unwrap();
        let folder = self.folder.path().to_str().unwrap();
        fs::write(self.path("etc/main.cf"), MAIN.replace("FOLDER", folder)).unwrap();
        fs::write(self.path("people"), PEOPLE).unwrap();
        fs::write(
            self.path("etc/sasl/smtpd.conf"),
            SASL.replace("FOLDER", folder),
        )
        .unwrap();
        let master = MASTER
            .replace("SMTPS", &self.smtps.to_string())
            .replace("STARTTLS", &self.starttls.to_string())
            .replace("SUBMISSION", &self.submission.to_string());
        fs::write(self.path("etc/master.cf"), master).unwrap();
    }

    /// The authority's certificate.
    pub(crate) fn ca(&self) -> PathBuf {
        self.path(CA)
    }

    /// Where all mail goes.
    pub(crate) fn maildir(&self) -> PathBuf {
        self.path("mail")
    }

    /// Whether it takes addresses beyond ASCII; if not, says that `untried` was not tried.
    #[track_caller]
    pub(crate) fn lacks_smtputf8(&self, untried: &str) -> bool {
        let output = Command::new("/usr/sbin/postconf")
            .arg("-c")
            .arg(self.path("etc"))
            .args(["-xh", "smtputf8_enable"])
            .output()
            .unwrap();
        let lacks = output.stdout.trim_ascii() != b"yes";
        if lacks {
            skip("this Postfix is built without SMTPUTF8", untried);
        }
        lacks
    }

    /// Knows [`USER`] from now on, or says that `untried` was not tried.
    #[track_caller]
    pub(crate) fn login(self, untried: &str) -> Option<Submission> {
        const TOOL: &str = "/usr/sbin/saslpasswd2";
        if !Path::new(TOOL).exists() {
            skip("sasl2-bin is not installed", untried);
            return None;
        }
        let (name, realm) = USER.split_once('@').unwrap();
        let logins = self.path("logins");
        let mut tool = Command::new(TOOL)
            .args(["-p", "-c", "-u", realm, name, "-f"])
            .arg(&logins)
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        tool.stdin
            .take()
            .unwrap()
            .write_all(PASSWORD.as_bytes())
            .unwrap();
        assert!(tool.wait().unwrap().success(), "{TOOL}");
        chown(&logins, Some(user("postfix")), None).unwrap();
        Some(Submission(self))
    }

    /// Waits until everything that was taken is delivered.
    #[track_caller]
    pub(crate) fn settle(&self) {
        let queues = ["incoming", "active", "deferred"];
        wait_for("Postfix's queue to run empty", || {
            queues
                .iter()
                .all(|queue| is_empty(&self.path("spool").join(queue)))
                .then_some(())
        });
    }

    fn control(&self, verb: &str) {
        let output = Command::new("/usr/sbin/postfix")
            .arg("-c")
            .arg(self.path("etc"))
            .arg(verb)
            .output()
            .unwrap();
        let log = || fs::read_to_string(self.path("log")).unwrap_or_default();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "postfix {verb}: {said}\n{}", log());
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        self.control("abort");
    }
}

/// Its port with a login, where nobody may speak before it is his turn.
pub(crate) struct Submission(Postfix);

impl Witness for Submission {
    fn account(&self) -> String {
        account(self.0.submission, &self.0.ca())
    }

    fn testimony(&self) -> Testimony {
        self.0.settle();
        let mut testimony = Testimony {
            mails: mailbox::read(&self.0.maildir()),
            ..Testimony::default()
        };
        let mut logins = 0;
        for line in fs::read_to_string(self.0.path("log")).unwrap().lines() {
            if !line.contains("/smtpd[") {
                let fault = [" warning: ", " error: ", " fatal: ", " panic: "];
                let fault = fault.iter().any(|it| line.contains(it));
                testimony.complaints.extend(fault.then(|| line.to_owned()));
            } else if line.contains(": connect from ") {
                testimony.connections += 1;
            } else if line.contains(" TLS connection established from ") {
                testimony.encrypted += 1;
            } else if line.contains(": disconnect from ") && line.contains(" quit=1 ") {
                logins += usize::from(line.contains(" auth=1 "));
            } else if let Some(address) = between(line, ": 550 5.1.1 <", ">: ") {
                testimony.refused.push(address.to_owned());
            } else if !line.contains(": client=") {
                testimony.complaints.push(line.to_owned());
            }
        }
        testimony.logins = Some(logins);
        testimony
    }
}

fn user(name: &str) -> u32 {
    let output = Command::new("id").args(["-u", name]).output().unwrap();
    String::from_utf8(output.stdout)
        .unwrap()
        .trim()
        .parse()
        .unwrap()
}
