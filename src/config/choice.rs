//! Keys whose value is one word out of a few. The words stand once, here.

use std::fmt;
use std::str::FromStr;

/// The text is none of the words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not one of the words that may stand here")]
pub struct NotAChoice;

/// Declares an enum together with the words for its variants; the first is the default.
macro_rules! choice {
    ($(#[$doc:meta])* $name:ident { $($(#[$why:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {
            $($(#[$why])* #[doc = concat!("`\"", $word, "\"`")] $variant,)+
        }

        impl $name {
            /// The words, the default first.
            pub const WORDS: &'static [&'static str] = &[$($word),+];
            const ALL: &'static [Self] = &[$(Self::$variant),+];
        }

        impl Default for $name {
            fn default() -> Self {
                Self::ALL[0]
            }
        }

        impl FromStr for $name {
            type Err = NotAChoice;

            fn from_str(text: &str) -> Result<Self, NotAChoice> {
                match text {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(NotAChoice),
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self {
                    $(Self::$variant => $word,)+
                })
            }
        }
    };
}

choice! {
    /// What somebody leaves who unsubscribes.
    LeaveScope {
        /// The schedule whose mail it was.
        Schedule = "schedule",
        /// All mail.
        All = "all",
    }
}

choice! {
    /// How a session with an account is encrypted (RFC 8314).
    Tls {
        /// TLS from the first byte, port 465.
        Implicit = "implicit",
        /// A plain greeting, then STARTTLS, which must succeed; port 587.
        Starttls = "starttls",
        /// No encryption; never with a password, except to this machine.
        None = "none",
    }
}

choice! {
    /// What a server's reply answers, where it concerns a mail.
    SaidTo {
        /// MAIL FROM.
        Mail = "mail",
        /// RCPT TO.
        Rcpt = "rcpt",
        /// DATA.
        Data = "data",
        /// The message and the dot that ends it.
        Dot = "dot",
    }
}

choice! {
    /// What follows from a refusal.
    Treatment {
        /// The mail is tried again after a wait of `retry`.
        Later = "later",
        /// The mail is not tried again.
        Reject = "reject",
        /// Neither that, nor does the address get other mail from then on.
        Suppress = "suppress",
        /// The account rests as if its quota were used up; the mail waits.
        Pause = "pause",
        /// The connection has carried all it may: a new one goes on.
        Reconnect = "reconnect",
    }
}

choice! {
    /// What is done with a delivery whose end of data had no answer.
    OnUncertain {
        /// The same bytes again, at most once more.
        Resend = "resend",
        /// A person decides.
        Hold = "hold",
        /// It is taken as sent, and called so.
        AssumeSent = "assume-sent",
    }
}

choice! {
    /// What a run without recipients is.
    Empty {
        /// An accident: the run fails.
        Fail = "fail",
        /// Fine: there was nobody to write to.
        Skip = "skip",
    }
}

choice! {
    /// What is done with rows that cannot be sent to.
    BadRows {
        /// They are left out and reported.
        Skip = "skip",
        /// One is enough to stop the run.
        Refuse = "refuse",
    }
}

choice! {
    /// How recipients' addresses appear in logs.
    Addresses {
        /// `a***@example.org`
        Masked = "masked",
        /// As they are.
        Full = "full",
        /// Not at all.
        None = "none",
    }
}

choice! {
    /// How log lines are written.
    LogFormat {
        /// For people: text on a terminal, logfmt elsewhere.
        Auto = "auto",
        /// For people.
        Text = "text",
        /// `key=value` pairs.
        Logfmt = "logfmt",
        /// One object a line.
        Json = "json",
    }
}

choice! {
    /// What happens when a run is due while an earlier one of its schedule is being sent.
    Overlap {
        /// It opens at its time, and begins when everybody of the earlier one was tried.
        Queue = "queue",
        /// There is no such run; that is recorded.
        Skip = "skip",
    }
}
