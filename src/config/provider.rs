//! Mail providers whose submission servers are known: where they are, what they allow, and what a
//! person must know to log in there.
//!
//! Taken from the providers' own help pages and from what others measured; not tried at the
//! provider. A limit stands here only if it is published, or known to be so low that the default
//! would run into it; daily quotas do not, since they differ by plan and the server tells. A key
//! that the user writes wins over every value here.

use std::time::Duration;

use super::choice::Tls;
use super::rate::Rate;
use super::server::is_this_machine;

/// What `provider = "…"` fills in.
#[derive(Debug, PartialEq, Eq)]
pub struct Provider {
    /// The word to write.
    pub name: &'static str,
    /// Its submission servers.
    pub servers: Servers,
    /// Their port.
    pub port: u16,
    /// How it is encrypted there.
    pub tls: Tls,
    /// How many sessions at once, if the usual number is too many.
    pub connections: Option<usize>,
    /// How many mails a session takes, if the usual number is wrong.
    pub messages_per_connection: Option<usize>,
    /// How fast all sessions together may send.
    pub rate: Option<Rate>,
    /// What may be wrong with a password that was refused.
    pub password_hint: &'static str,
    /// What may be wrong with a token that was refused.
    pub token_hint: Option<&'static str>,
    /// Where its certificate is from, if no public authority signs it: then `ca` is needed.
    pub own_certificate: Option<&'static str>,
}

/// The servers of a provider.
#[derive(Debug, PartialEq, Eq)]
pub enum Servers {
    /// One for all.
    One(&'static str),
    /// One for each region: an account and its credentials belong to one of them.
    Regions {
        /// The region of an account that names none, if that is known.
        usual: Option<&'static str>,
        /// Regions and their servers.
        all: &'static [(&'static str, &'static str)],
    },
}

impl Provider {
    /// All of its servers.
    pub fn hosts(&self) -> impl Iterator<Item = &'static str> {
        let (one, all) = match &self.servers {
            Servers::One(host) => (Some(*host), &[][..]),
            Servers::Regions { all, .. } => (None, *all),
        };
        one.into_iter().chain(all.iter().map(|(_, host)| *host))
    }
}

/// The provider of that name.
#[must_use]
pub fn provider(name: &str) -> Option<&'static Provider> {
    PROVIDERS.iter().find(|provider| provider.name == name)
}

/// The provider where people have addresses of this domain.
#[must_use]
pub fn provider_of(domain: &str) -> Option<&'static Provider> {
    provider(match domain.to_lowercase().as_str() {
        "qq.com" | "vip.qq.com" | "foxmail.com" => "qq",
        "163.com" => "163",
        "126.com" => "126",
        "gmail.com" | "googlemail.com" => "gmail",
        "outlook.com" | "hotmail.com" | "live.com" | "msn.com" => "outlook",
        "fastmail.com" | "fastmail.fm" => "fastmail",
        "icloud.com" | "me.com" | "mac.com" => "icloud",
        "yahoo.com" | "ymail.com" | "rocketmail.com" => "yahoo",
        "zohomail.com" | "zoho.com" => "zoho",
        "proton.me" | "protonmail.com" | "pm.me" => "proton",
        _ => return None,
    })
}

/// The provider that this server belongs to. What listens on this machine may be anybody's.
pub(super) fn owner_of(host: &str) -> Option<&'static Provider> {
    PROVIDERS
        .iter()
        .find(|provider| provider.hosts().any(|it| it.eq_ignore_ascii_case(host)))
        .filter(|_| !is_this_machine(host))
}

/// The names of all providers.
#[must_use]
pub(super) fn names() -> Vec<&'static str> {
    PROVIDERS.iter().map(|provider| provider.name).collect()
}

const fn implicit(name: &'static str, servers: Servers, password_hint: &'static str) -> Provider {
    Provider {
        name,
        servers,
        port: 465,
        tls: Tls::Implicit,
        connections: None,
        messages_per_connection: None,
        rate: None,
        password_hint,
        token_hint: None,
        own_certificate: None,
    }
}

const fn starttls(name: &'static str, servers: Servers, password_hint: &'static str) -> Provider {
    Provider {
        port: 587,
        tls: Tls::Starttls,
        ..implicit(name, servers, password_hint)
    }
}

/// Every provider, by name.
pub static PROVIDERS: &[Provider] = &[
    Provider {
        // Too many sessions are refused with 421 HL:ICC (NetEase's list of replies).
        connections: Some(1),
        ..implicit("126", Servers::One("smtp.126.com"), NETEASE)
    },
    Provider {
        connections: Some(1),
        ..implicit("163", Servers::One("smtp.163.com"), NETEASE)
    },
    implicit(
        "aliyun",
        ALIYUN,
        "Alibaba Direct Mail wants the SMTP password (设置SMTP密码) of the sender address, which is \
         `user` and `from` alike; an address lives in one `region` only",
    ),
    starttls(
        "brevo",
        Servers::One("smtp-relay.brevo.com"),
        "Brevo wants the SMTP login and an SMTP key, both under \"SMTP & API\" in its settings; an \
         API key does not log in",
    ),
    Provider {
        // Its limits are secret, and running into them locks the sender out for hours.
        connections: Some(1),
        ..implicit(
            "exmail",
            Servers::One("smtp.exmail.qq.com"),
            "Tencent Exmail wants a client password (客户端专用密码) once secure login is on; SMTP \
             is switched on in the web mailbox under 设置 > 收发信设置 (Settings), and the company's \
             administrator must allow it",
        )
    },
    implicit(
        "fastmail",
        Servers::One("smtp.fastmail.com"),
        "Fastmail wants an app password with SMTP access (Settings > Privacy & Security > Manage \
         app passwords), and the full address as `user`",
    ),
    Provider {
        // Sessions are cut off after 70 to 100 messages (MailKit#877), logins are counted.
        connections: Some(2),
        messages_per_connection: Some(70),
        token_hint: Some(
            "Gmail wants an access token of that user for the scope https://mail.google.com/, not \
             older than an hour",
        ),
        ..implicit(
            "gmail",
            Servers::One("smtp.gmail.com"),
            "Gmail wants an app password (myaccount.google.com/apppasswords; 2-Step Verification \
             must be on), or an OAuth2 `token` in place of `password`",
        )
    },
    starttls(
        "icloud",
        Servers::One("smtp.mail.me.com"),
        "iCloud wants an app-specific password (account.apple.com > Sign-In and Security), and the \
         full iCloud address as `user`",
    ),
    starttls(
        "mailgun",
        MAILGUN,
        "Mailgun wants the SMTP credentials of the sending domain (postmaster@…), not an API key; \
         a domain lives in one `region`, \"us\" or \"eu\"",
    ),
    starttls(
        "mailjet",
        Servers::One("in-v3.mailjet.com"),
        "Mailjet wants the API key as `user` and the secret key as `password`",
    ),
    Provider {
        // learn.microsoft.com: three sessions (432 4.3.2), 30 messages a minute.
        connections: Some(3),
        rate: Some(Rate {
            count: 30,
            window: Duration::from_secs(60),
            burst: None,
        }),
        token_hint: Some(MICROSOFT_TOKEN),
        ..starttls("office365", Servers::One("smtp.office365.com"), MICROSOFT)
    },
    Provider {
        token_hint: Some(MICROSOFT_TOKEN),
        ..starttls(
            "outlook",
            Servers::One("smtp-mail.outlook.com"),
            "Outlook.com takes no passwords any more: use an OAuth2 `token` in place of `password`",
        )
    },
    starttls(
        "postmark",
        Servers::One("smtp.postmarkapp.com"),
        "Postmark wants the server's API token as `user` and as `password` alike (not the token of \
         the account), or the access key and secret key of an SMTP token",
    ),
    Provider {
        port: 1025,
        own_certificate: Some(
            "Proton Mail Bridge signs its certificate itself: export it in the Bridge (Settings > \
             Advanced settings > Export TLS certificates), and name its cert.pem with `ca`",
        ),
        ..starttls(
            "proton",
            Servers::One("127.0.0.1"),
            "Proton Mail Bridge wants the password that the Bridge shows for the mailbox, not that \
             of the Proton account",
        )
    },
    Provider {
        // As exmail.
        connections: Some(1),
        ..implicit(
            "qq",
            Servers::One("smtp.qq.com"),
            "QQ Mail wants an authorisation code (授权码), not the login password: switch on SMTP \
             in the web mailbox under 设置 > 账户 (Settings > Account), and make one there",
        )
    },
    Provider {
        // twilio.com, "Integrating with the SMTP API".
        messages_per_connection: Some(5000),
        ..implicit(
            "sendgrid",
            Servers::One("smtp.sendgrid.net"),
            "SendGrid wants the word `apikey` as `user` and the API key, with permission to send \
             mail, as `password`",
        )
    },
    implicit(
        "ses",
        SES,
        "Amazon SES wants SMTP credentials, made in its console under \"SMTP settings\": they are \
         not the access keys of IAM, and hold for one `region`",
    ),
    Provider {
        token_hint: Some("Yahoo wants an access token for the scope mail-w"),
        ..implicit(
            "yahoo",
            Servers::One("smtp.mail.yahoo.com"),
            "Yahoo wants an app password (Account Security > Generate app password), not the login \
             password",
        )
    },
    Provider {
        // zoho.com/mail, "Rates and limits": no bursts.
        connections: Some(1),
        ..implicit(
            "zoho",
            ZOHO,
            "Zoho wants an app password where two-factor login is on, and the server of the \
             account's `region`; paid organisations have `host = \"smtppro.zoho.com\"`, .eu or .in",
        )
    },
];

const NETEASE: &str = "NetEase wants an authorisation code (授权码), not the login password: switch \
    on SMTP in the web mailbox under 设置 > POP3/SMTP/IMAP, and make one there";

const MICROSOFT: &str = "Microsoft retires passwords for SMTP: use an OAuth2 `token` in place of \
    `password`, and let an administrator switch on \"Authenticated SMTP\" for the mailbox";

const MICROSOFT_TOKEN: &str = "Microsoft wants an access token of that user for the scope \
    https://outlook.office.com/SMTP.Send, and \"Authenticated SMTP\" switched on for the mailbox";

const ALIYUN: Servers = Servers::Regions {
    usual: Some("cn-hangzhou"),
    all: &[
        ("cn-hangzhou", "smtpdm.aliyun.com"),
        ("ap-southeast-1", "smtpdm-ap-southeast-1.aliyuncs.com"),
        ("eu-central-1", "smtpdm-eu-central-1.aliyuncs.com"),
        ("us-east-1", "smtpdm-us-east-1.aliyuncs.com"),
    ],
};

const MAILGUN: Servers = Servers::Regions {
    usual: Some("us"),
    all: &[("us", "smtp.mailgun.org"), ("eu", "smtp.eu.mailgun.org")],
};

const SES: Servers = Servers::Regions {
    usual: None,
    all: &[
        ("ap-northeast-1", "email-smtp.ap-northeast-1.amazonaws.com"),
        ("ap-northeast-2", "email-smtp.ap-northeast-2.amazonaws.com"),
        ("ap-northeast-3", "email-smtp.ap-northeast-3.amazonaws.com"),
        ("ap-south-1", "email-smtp.ap-south-1.amazonaws.com"),
        ("ap-southeast-1", "email-smtp.ap-southeast-1.amazonaws.com"),
        ("ap-southeast-2", "email-smtp.ap-southeast-2.amazonaws.com"),
        ("ca-central-1", "email-smtp.ca-central-1.amazonaws.com"),
        ("eu-central-1", "email-smtp.eu-central-1.amazonaws.com"),
        ("eu-north-1", "email-smtp.eu-north-1.amazonaws.com"),
        ("eu-west-1", "email-smtp.eu-west-1.amazonaws.com"),
        ("eu-west-2", "email-smtp.eu-west-2.amazonaws.com"),
        ("eu-west-3", "email-smtp.eu-west-3.amazonaws.com"),
        ("sa-east-1", "email-smtp.sa-east-1.amazonaws.com"),
        ("us-east-1", "email-smtp.us-east-1.amazonaws.com"),
        ("us-east-2", "email-smtp.us-east-2.amazonaws.com"),
        ("us-gov-west-1", "email-smtp.us-gov-west-1.amazonaws.com"),
        ("us-west-1", "email-smtp.us-west-1.amazonaws.com"),
        ("us-west-2", "email-smtp.us-west-2.amazonaws.com"),
    ],
};

const ZOHO: Servers = Servers::Regions {
    usual: Some("us"),
    all: &[
        ("au", "smtp.zoho.com.au"),
        ("cn", "smtp.zoho.com.cn"),
        ("eu", "smtp.zoho.eu"),
        ("in", "smtp.zoho.in"),
        ("jp", "smtp.zoho.jp"),
        ("sa", "smtp.zoho.sa"),
        ("us", "smtp.zoho.com"),
    ],
};
