//! Whom a cell speaks of that is no address.

use postroom::audience::mentioned;

#[test]
fn slips_of_the_hand_still_name_somebody() {
    for (text, wanted) in [
        ("ada@example.org", vec!["ada@example.org"]),
        ("Ada <ada@example.org", vec!["ada@example.org"]),
        ("ADA @Example.org", vec!["ada@example.org"]),
        ("ada\u{ff20}example.org", vec!["ada@example.org"]),
        ("\u{feff}ada@example.org\u{200b}", vec!["ada@example.org"]),
        ("mailto:ada@example.org.", vec!["ada@example.org"]),
        (
            "ada@example.org; Bob <bob@example.org>",
            vec!["ada@example.org", "bob@example.org"],
        ),
        (
            "eve@B\u{fc}cher.example,",
            vec!["eve@xn--bcher-kva.example"],
        ),
        ("ada@@example.org", vec![]),
        ("nobody", vec![]),
        ("", vec![]),
    ] {
        assert_eq!(mentioned(text).collect::<Vec<_>>(), wanted, "{text}");
    }
}
