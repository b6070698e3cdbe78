//! Cells that may be addresses: `cargo +nightly fuzz run address`.
//!
//! What passes is one address that is safe in a header and in RCPT TO, and it passes again as it
//! came out; its key is that of all its spellings; its mask shows one character and a domain.
#![no_main]

use libfuzzer_sys::fuzz_target;
use postroom::audience::{domain, key, mailbox, mask};

/// RFC 5321, section 4.5.3.1, in octets.
const LONGEST: usize = 254;
const LONGEST_LOCAL: usize = 64;

fuzz_target!(|text: &str| {
    check_mask(&mask(text));
    let _ = domain(text).map(|it| assert_eq!(domain(&it), Ok(it.clone()), "{text:?}"));
    let Ok(found) = mailbox(text) else { return };
    let email: &str = found.email.as_ref();
    assert!(email.len() <= LONGEST && found.email.user().len() <= LONGEST_LOCAL);
    assert!(!email.contains(unsafe_in_header), "{email:?}");
    assert!(!email.contains(['<', '>']), "{email:?}");
    assert!(found.email.domain().bytes().all(|it| it.is_ascii_graphic()));
    let domain = found.email.domain();
    // The tag of an address literal is spelt as in RFC 5321, section 4.1.3.
    assert!(domain.starts_with("[IPv6:") || domain == domain.to_ascii_lowercase());
    let local = found.email.user();
    let is_quoted = local.starts_with('"');
    assert!(
        !domain.contains([' ', ',', ';', '(', ')', '"', '\\']),
        "{email:?}"
    );
    assert!(
        is_quoted || !local.contains([' ', ',', ';', ':', '(', ')', '"', '\\']),
        "{email:?}"
    );
    assert!(is_quoted || email.matches('@').count() == 1, "{email:?}");
    if let Some(name) = &found.name {
        assert!(
            !name.trim().is_empty() && !name.contains(unsafe_in_header),
            "{name:?}"
        );
    }
    let again = mailbox(email).expect("what came out goes in");
    assert_eq!((again.name, &again.email), (None, &found.email));
    let folded = key(&found.email);
    let other = mailbox(&folded).expect("a key is an address");
    assert_eq!(key(&other.email), folded, "{email:?}");
    check_mask(&mask(email));
});

fn unsafe_in_header(one: char) -> bool {
    one.is_control() || matches!(one, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}')
}

fn check_mask(masked: &str) {
    let (first, rest) = masked.split_once("***").expect("every mask has stars");
    assert!(first.chars().count() <= 1, "{masked:?}");
    assert!(rest.is_empty() || rest.starts_with('@'), "{masked:?}");
    assert!(
        !masked.contains(|one: char| one.is_control() || one.is_whitespace()),
        "{masked:?}"
    );
}
