//! compose makes messages: from a template and one person's fields, the bytes that go on the wire.
//!
//! A template is a folder of texts in handlebars. [`Source::read`] reads it, [`Template::compile`]
//! checks it, [`Template::render`] says it to one person, and [`message`] writes the mail.
//!
//! The same template, fields, sender and identity give the same bytes in every process: nothing
//! here asks for the time, a random number or the host's name. So a retry sends what was sent
//! before, and bodies need not be stored.
//!
//! Last, [`dkim`] signs the bytes where the sender's account has a key.
//!
//! Two things never leave this room: a message with a blank where a field should be, and bytes
//! that are not a well-formed message. The first is held by strict rendering, the second by the
//! wire gate that every message passes last.

mod beneath;
mod blame;
mod builtin;
mod compile;
pub mod dkim;
mod edition;
mod enclosure;
mod fault;
mod filename;
mod finish;
mod format;
mod frozen;
mod gallery;
mod gate;
mod generated;
mod given;
mod header;
mod image;
mod language;
mod line;
mod lint;
mod listing;
mod manner;
mod media;
mod message;
mod mime;
mod naming;
mod reading;
mod render;
mod scope;
mod sender;
mod shown;
mod source;
mod supplements;
mod survey;
mod syntax;
mod tags;
mod template;
mod token;
mod transfer;
mod unsubscribe;
mod values;

pub use builtin::{BuiltIn, HELPERS};
pub use edition::Edition;
pub use enclosure::{Content, Enclosure};
pub use fault::{RenderFault, TemplateFault};
pub use frozen::Frozen;
pub use gate::WireFault;
pub use generated::Generated;
pub use given::{GIVEN, Given};
pub use image::Image;
pub use language::{Language, NoLanguage};
pub use line::Line;
pub use listing::fault_of_name;
pub use manner::{Class, Manner};
pub use media::{is_refused, media_type};
pub use message::{Addressees, ComposeFault, Identity, Mail, message};
pub use naming::{header_key, subject_key};
pub use reading::holds_texts;
pub use render::Rendered;
pub use sender::Sender;
pub use shown::Lacking;
pub use source::{Choices, LayoutChoice, Part, Source, Wording};
pub use supplements::{FilePin, Item, MOST_ENCLOSED, Supplements, What};
pub use survey::Variable;
pub use template::Template;
pub use token::{TokenKey, Unsubscription, read_token};
pub use unsubscribe::{Link, TOKEN, Unsubscribe};
