//! A Postfix of our own: its configuration, queue and data below a temporary folder, on free ports
//! of loopback, with a certificate from an authority made for it. It takes mail for everybody and
//! delivers it into one Maildir.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::Command;

use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use tempfile::TempDir;

use super::patience::wait_for;
use super::skip::skip;
use super::workspace::folder;

/// nobody: the owner of delivered mail. Postfix refuses to deliver as root.
const NOBODY: u32 = 65_534;

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
inet_interfaces = loopback-only
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_client_connection_count_limit = 0
smtpd_tls_cert_file = FOLDER/server.pem
smtpd_tls_key_file = FOLDER/server.key
virtual_mailbox_domains = static:all
virtual_mailbox_base = FOLDER
virtual_mailbox_maps = static:mail/
virtual_mailbox_limit = 0
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
in_flow_delay = 0
";

const MASTER: &str = "\
127.0.0.1:SMTPS inet n - n - - smtpd
    -o smtpd_tls_wrappermode=yes
127.0.0.1:STARTTLS inet n - n - - smtpd
    -o smtpd_tls_security_level=encrypt
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

/// A running Postfix; it is stopped when this value goes.
pub(crate) struct Postfix {
    folder: TempDir,
    /// TLS from the first byte.
    pub(crate) smtps: u16,
    /// TLS after STARTTLS, which is mandatory.
    pub(crate) starttls: u16,
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
        let [smtps, starttls] = free_ports();
        let postfix = Self {
            folder,
            smtps,
            starttls,
        };
        postfix.configure();
        postfix.certify();
        postfix.control("start");
        for port in [smtps, starttls] {
            wait_for("Postfix's port", || {
                TcpStream::connect(("127.0.0.1", port)).ok()
            });
        }
        Some(postfix)
    }

    fn configure(&self) {
        for part in ["etc", "spool", "data", "mail"] {
            fs::create_dir(self.path(part)).unwrap();
        }
        chown(self.path("data"), Some(user("postfix")), None).unwrap();
        chown(self.path("mail"), Some(NOBODY), Some(NOBODY)).unwrap();
        let folder = self.folder.path().to_str().unwrap();
        fs::write(self.path("etc/main.cf"), MAIN.replace("FOLDER", folder)).unwrap();
        let master = MASTER
            .replace("SMTPS", &self.smtps.to_string())
            .replace("STARTTLS", &self.starttls.to_string());
        fs::write(self.path("etc/master.cf"), master).unwrap();
    }

    /// Makes an authority, and a certificate of it for `localhost`.
    fn certify(&self) {
        let authority_key = KeyPair::generate().unwrap();
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let root = authority.self_signed(&authority_key).unwrap();
        let key = KeyPair::generate().unwrap();
        let mut server = CertificateParams::new(["localhost".to_owned()]).unwrap();
        server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let issuer = Issuer::new(authority, &authority_key);
        let certificate = server.signed_by(&key, &issuer).unwrap();
        fs::write(self.ca(), root.pem()).unwrap();
        fs::write(self.path("server.pem"), certificate.pem()).unwrap();
        fs::write(self.path("server.key"), key.serialize_pem()).unwrap();
    }

    /// The authority's certificate.
    pub(crate) fn ca(&self) -> PathBuf {
        self.path("ca.pem")
    }

    /// Where all mail goes.
    pub(crate) fn maildir(&self) -> PathBuf {
        self.path("mail")
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

/// Ports that nothing listens on; held together, so that they differ.
fn free_ports<const N: usize>() -> [u16; N] {
    let listeners = [(); N].map(|()| TcpListener::bind(("127.0.0.1", 0)).unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}

fn user(name: &str) -> u32 {
    let output = Command::new("id").args(["-u", name]).output().unwrap();
    String::from_utf8(output.stdout)
        .unwrap()
        .trim()
        .parse()
        .unwrap()
}

/// Whether no message lies in a queue, which may have folders in it.
fn is_empty(queue: &Path) -> bool {
    let entries = fs::read_dir(queue).into_iter().flatten().flatten();
    entries.into_iter().all(|entry| {
        let kind = entry.file_type();
        kind.is_ok_and(|kind| kind.is_dir()) && is_empty(&entry.path())
    })
}
