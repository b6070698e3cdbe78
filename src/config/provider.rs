//! Mail providers whose submission servers are known.
//!
//! Taken from each provider's own help pages; not tried at the provider.

use super::choice::Tls;

/// What `provider = "…"` fills in.
#[derive(Debug, PartialEq, Eq)]
pub struct Provider {
    /// The word to write.
    pub name: &'static str,
    /// The submission server.
    pub host: &'static str,
    /// Its port.
    pub port: u16,
    /// How it is encrypted there.
    pub tls: Tls,
}

const fn implicit(name: &'static str, host: &'static str) -> Provider {
    Provider {
        name,
        host,
        port: 465,
        tls: Tls::Implicit,
    }
}

const fn starttls(name: &'static str, host: &'static str) -> Provider {
    Provider {
        name,
        host,
        port: 587,
        tls: Tls::Starttls,
    }
}

/// Every provider, by name.
pub static PROVIDERS: &[Provider] = &[
    implicit("126", "smtp.126.com"),
    implicit("163", "smtp.163.com"),
    implicit("aliyun", "smtpdm.aliyun.com"),
    starttls("brevo", "smtp-relay.brevo.com"),
    implicit("exmail", "smtp.exmail.qq.com"),
    implicit("fastmail", "smtp.fastmail.com"),
    implicit("gmail", "smtp.gmail.com"),
    starttls("icloud", "smtp.mail.me.com"),
    starttls("mailjet", "in-v3.mailjet.com"),
    starttls("office365", "smtp.office365.com"),
    starttls("outlook", "smtp-mail.outlook.com"),
    starttls("postmark", "smtp.postmarkapp.com"),
    implicit("qq", "smtp.qq.com"),
    implicit("sendgrid", "smtp.sendgrid.net"),
    implicit("yahoo", "smtp.mail.yahoo.com"),
    implicit("zoho", "smtp.zoho.com"),
];

/// The provider of that name.
#[must_use]
pub fn provider(name: &str) -> Option<&'static Provider> {
    PROVIDERS.iter().find(|provider| provider.name == name)
}

/// The names of all providers.
#[must_use]
pub(super) fn names() -> Vec<&'static str> {
    PROVIDERS.iter().map(|provider| provider.name).collect()
}
