//! Private keys as people have them.

use postroom::compose::dkim::{Algorithm, KeyFault, SigningKey};

use super::{SEED, openssl, rsa, signer};

#[test]
fn a_key_is_read_in_every_form_that_openssl_writes() {
    let Some(key) = rsa("no RSA key was read in other forms") else {
        return;
    };
    let old = openssl(&["rsa", "-traditional"], key.as_bytes()).unwrap();
    assert!(old.starts_with("-----BEGIN RSA PRIVATE KEY-----"));
    let public = signer("a", key).record();
    assert_eq!(signer("a", &old).record(), public);
    assert_eq!(
        signer("a", &format!("A comment.\n{}\n", key.replace('\n', "\r\n"))).record(),
        public
    );
    let theirs = openssl(&["pkey", "-pubout", "-outform", "PEM"], key.as_bytes()).unwrap();
    let theirs: String = theirs.lines().filter(|it| !it.starts_with('-')).collect();
    assert_eq!(public.value, format!("v=DKIM1; k=rsa; p={theirs}"));
    let ed = openssl(&["genpkey", "-algorithm", "ed25519"], b"").unwrap();
    assert_eq!(
        SigningKey::parse(&ed).unwrap().algorithm(),
        Algorithm::Ed25519
    );
}

#[test]
fn the_key_of_the_rfc_has_the_public_key_of_the_rfc() {
    let theirs = "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
    assert_eq!(signer("a", SEED).record().value, theirs);
    let ours = SigningKey::new_ed25519().unwrap();
    let read = openssl(&["pkey", "-pubout"], ours.as_bytes());
    assert!(read.is_none_or(|it| it.contains("PUBLIC KEY")));
    assert_ne!(
        signer("a", &ours).record().value,
        signer("a", SEED).record().value
    );
    assert_ne!(*SigningKey::new_ed25519().unwrap(), *ours);
}

#[test]
fn what_is_no_private_key_for_dkim_is_told_by_what_it_is() {
    let Some(key) = rsa("nothing was refused as a key") else {
        return;
    };
    let with = |arguments: &[&str]| openssl(arguments, key.as_bytes()).unwrap();
    let of = |arguments: &[&str]| openssl(arguments, b"").unwrap();
    let short = of(&[
        "genpkey",
        "-algorithm",
        "RSA",
        "-pkeyopt",
        "rsa_keygen_bits:1024",
    ]);
    let curve = [
        "genpkey",
        "-algorithm",
        "EC",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
    ];
    let broken = key.replacen("MII", "MIJ", 1);
    let cases = [
        (
            with(&["pkey", "-aes256", "-passout", "pass:x"]),
            "locked with a passphrase",
        ),
        (
            with(&["rsa", "-traditional", "-aes128", "-passout", "pass:x"]),
            "locked with a passphrase",
        ),
        (with(&["pkey", "-pubout"]), "a public key"),
        (certificate(), "a certificate"),
        (key[..900].to_owned(), "cut short"),
        (short, "an RSA key of 1024 bits"),
        (of(&curve), "no key for DKIM"),
        (broken, "damaged"),
        ("hunter2".to_owned(), "no private key"),
        (String::new(), "no private key"),
    ];
    for (text, wanted) in cases {
        let fault = SigningKey::parse(&text).expect_err(wanted);
        let told = format!("{fault} {fault:?}");
        assert!(told.contains(wanted), "{wanted}: {told}");
        let line = text.lines().nth(1).unwrap_or("hunter2");
        assert!(!told.contains(line), "{told}");
    }
    assert_eq!(SigningKey::parse("AAAA").err(), Some(KeyFault::NoKey));
}

fn certificate() -> String {
    let key = rcgen::KeyPair::generate().unwrap();
    let of = rcgen::CertificateParams::new(vec!["example.org".to_owned()]).unwrap();
    of.self_signed(&key).unwrap().pem()
}

#[test]
fn no_key_prints_itself() {
    let signer = signer("a", SEED);
    let printed = format!("{signer:?}");
    assert!(printed.contains("private key"), "{printed}");
    assert!(
        !printed.contains(&SEED[..12]) && !printed.contains("157"),
        "{printed}"
    );
}
