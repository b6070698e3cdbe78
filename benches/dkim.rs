//! What signing costs beside the bare primitive: signatures a second of `compose::dkim` and of
//! ring alone, on one core, over a message of 4 KB and one of 100 KB, and their ratio. At 4 KB it
//! must be 0.85 or more with either kind of key.
//!
//! `cargo bench --bench dkim`. The RSA key is made by `openssl`, and left out where that is missing.

#![expect(clippy::print_stdout, reason = "a bench prints")]
#![expect(clippy::unwrap_used, reason = "a bench fails by panicking")]

use std::hint::black_box;
use std::process::Command;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use postroom::clock::Timestamp;
use postroom::compose::dkim::{Signer, SigningKey, sign};
use ring::digest::{SHA256, digest};
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};

const ROUND: Duration = Duration::from_millis(400);
const ROUNDS: usize = 7;
const SEED: &str = "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=";

fn message(size: usize) -> Vec<u8> {
    let head = "Date: Tue, 24 Nov 2026 09:00:00 +0000\r\nFrom: Example News <news@example.org>\r\n\
                Reply-To: help@example.org\r\nTo: Ada Lovelace <ada@example.org>\r\nSubject: Your \
                weekly digest\r\nMessage-ID: <01KT134R2JQTRRHQ4QWPNBBZHY.1@example.org>\r\n\
                X-Postroom-Id: 01KT134R2JQTRRHQ4QWPNBBZHY.1\r\nAuto-Submitted: auto-generated\r\n\
                MIME-Version: 1.0\r\nContent-Type: multipart/alternative;\r\n \
                boundary=\"=_0123456789abcdef\"\r\n\r\n";
    let line = "<p style=3D\"margin: 0\">A line of a digest, and one of many like it.</p>\r\n";
    let lines = (size - head.len()) / line.len();
    [head, &line.repeat(lines)].concat().into_bytes()
}

/// How often a second, in the best of some rounds that take turns with those of the other.
fn race(mut ours: impl FnMut(), bare: &mut impl FnMut()) -> (f64, f64) {
    let mut best = (0.0_f64, 0.0_f64);
    for _ in 0..ROUNDS {
        best.0 = best.0.max(rate(bare));
        best.1 = best.1.max(rate(&mut ours));
    }
    best
}

fn rate(work: &mut impl FnMut()) -> f64 {
    let (began, mut times) = (Instant::now(), 0_u32);
    while began.elapsed() < ROUND {
        (0..20).for_each(|_| work());
        times += 20;
    }
    f64::from(times) / began.elapsed().as_secs_f64()
}

fn tell(kind: &str, key: &str, mut bare: impl FnMut()) {
    let key = SigningKey::parse(key).unwrap();
    let signers = [Signer::new("example.org".to_owned(), "pr1".to_owned(), key)];
    let at: Timestamp = "2026-11-24T09:00:00Z".parse().unwrap();
    for size in [4 * 1024, 100 * 1024] {
        let message = message(size);
        let ours = || drop(black_box(sign(&signers, black_box(&message), at).unwrap()));
        let (bare, ours) = race(ours, &mut bare);
        let mut hash = || {
            black_box(digest(&SHA256, black_box(&message)));
        };
        let hash = (0..ROUNDS).map(|_| rate(&mut hash)).fold(0.0, f64::max);
        let (ratio, floor) = (ours / bare, ours * (1.0 / bare + 1.0 / hash));
        let length = message.len();
        println!(
            "{kind:9} {length:6} bytes  ours {ours:6.0}/s  ring {bare:6.0}/s  ratio {ratio:.3}, to \
             ring with a SHA-256 of the message {floor:.3}"
        );
    }
}

fn main() {
    let seed = STANDARD.decode(SEED).unwrap();
    let pair = Ed25519KeyPair::from_seed_unchecked(&seed).unwrap();
    let text = [7; 32];
    tell("ed25519", SEED, || {
        black_box(pair.sign(black_box(&text)));
    });
    let size = ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"];
    let Ok(made) = Command::new("openssl").arg("genpkey").args(size).output() else {
        println!("rsa-2048: there is no openssl to make a key");
        return;
    };
    let pem = String::from_utf8(made.stdout).unwrap();
    let inner: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let pair = RsaKeyPair::from_pkcs8(&STANDARD.decode(inner).unwrap()).unwrap();
    let (random, mut signature) = (SystemRandom::new(), vec![0; 256]);
    tell("rsa-2048", &pem, || {
        pair.sign(&RSA_PKCS1_SHA256, &random, black_box(&text), &mut signature)
            .unwrap();
    });
}
