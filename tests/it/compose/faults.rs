//! One template for each fault: what is said about it, and where.

use postroom::compose::{LayoutChoice, Source, Template};

use proptest::prelude::*;

use super::{compile, folder};

/// `code file:line:column+length message [label] (help)`, one line for each fault.
fn faults(files: &[(&str, &str)]) -> Vec<String> {
    let faults = compile(files).expect_err("the template has a fault");
    let shown = faults.iter().map(|fault| {
        let mut line = format!("{} {}", fault.code, fault);
        line = line.replacen(
            &format!("{}: ", fault.column),
            &format!("{}+{}: ", fault.column, fault.span_len),
            1,
        );
        if !fault.label.is_empty() {
            line += &format!(" [{}]", fault.label);
        }
        if let Some((at, column, length, label)) = &fault.second {
            line += &format!(" [{at}:{column}+{length} {label}]");
        }
        if let Some(help) = &fault.help {
            line += &format!(" ({help})");
        }
        line
    });
    shown.collect()
}

/// The only fault of a template with this text body.
fn body_fault(text: &str) -> String {
    let mut faults = faults(&[("t/subject.txt", "Hello"), ("t/body.txt", text)]);
    assert_eq!(faults.len(), 1, "{faults:#?}");
    faults.remove(0)
}

#[test]
fn syntax_faults_name_the_tag_and_not_the_grammar() {
    let table = [
        (
            "Hi\n{{#if discount}}\noff\n{{/each}}\n",
            "template-syntax t/body.txt:4:1+9: {{#if}} is closed by {{/each}} [expected {{/if}}] \
             [2:1+16 opened here]",
        ),
        (
            "Hi\n  {{#if a}}\nx",
            "template-syntax t/body.txt:2:3+9: {{#if}} is never closed [no {{/if}} follows]",
        ),
        (
            "{{#each a}}{{#if b}}{{/if}}",
            "template-syntax t/body.txt:1:1+11: {{#each}} is never closed [no {{/each}} follows]",
        ),
        (
            "Hi {{/if}}",
            "template-syntax t/body.txt:1:4+7: {{/if}} closes nothing [no {{#if}} is open here]",
        ),
        (
            "Hi {{else}}",
            "template-syntax t/body.txt:1:4+8: {{else}} stands outside of any block \
             [no {{#if}} is open here]",
        ),
        (
            "你好 {{姓名\nx",
            "template-syntax t/body.txt:1:4+4: these braces are never closed [no }} follows]",
        ),
        (
            "{{{name}} x",
            "template-syntax t/body.txt:1:1+11: these braces are never closed [no }}} follows]",
        ),
        (
            "a\n{{}}",
            "template-syntax t/body.txt:2:1+4: `{{}}` cannot be understood \
             (write the name of a field between the braces)",
        ),
        (
            "{{#if plan == \"pro\"}}x{{/if}}",
            "template-syntax t/body.txt:1:1+21: `{{#if plan == \"pro\"}}` cannot be understood \
             (compare with a helper: {{#if (eq plan \"pro\")}}; also ne, gt, lt, and, or, not)",
        ),
        (
            "{{ name | upper }}",
            "template-syntax t/body.txt:1:1+18: `{{ name | upper }}` cannot be understood \
             (a helper stands before its value: {{upper name}})",
        ),
        (
            "{{upper (lower name}}",
            "template-syntax t/body.txt:1:1+21: `{{upper (lower name}}` cannot be understood \
             (an opening bracket has no closing one, or the other way round)",
        ),
        (
            "{{default name \"you}}",
            "template-syntax t/body.txt:1:1+21: `{{default name \"you}}` cannot be understood \
             (a quotation mark is missing)",
        ),
        (
            "{{#> card}}x{{/if}}",
            "template-syntax t/body.txt:1:13+7: {{#card}} is closed by {{/if}} \
             [expected {{/card}}] [1:1+11 opened here]",
        ),
    ];
    for (text, said) in table {
        assert_eq!(body_fault(text), said);
    }
}

#[test]
fn helpers_that_are_unknown_or_wrongly_used_are_named() {
    let table = [
        (
            "<h1>{{uppercase plan}}</h1>",
            "unknown-helper t/body.txt:1:7+9: no template helper is called `uppercase` \
             [did you mean `upper`?]",
        ),
        (
            "{{#if a}}{{else}}{{#if (eqq a b)}}{{/if}}{{/if}}",
            "unknown-helper t/body.txt:1:25+3: no template helper is called `eqq` \
             [did you mean `eq`?]",
        ),
        (
            "{{First Name}}",
            "unknown-helper t/body.txt:1:3+5: no template helper is called `First` \
             (for a field whose name has spaces write {{[First Name]}})",
        ),
        (
            "{{#items}}x{{/items}}",
            "unknown-helper t/body.txt:1:4+5: no template helper is called `items` (write \
             {{#each items}} to repeat for a list, {{#if items}} for a condition)",
        ),
        (
            "{{if a}}",
            "helper-form t/body.txt:1:3+2: `if` is a block [write {{#if …}}…{{/if}}]",
        ),
        (
            "{{#upper a}}x{{/upper}}",
            "helper-form t/body.txt:1:4+5: `upper` is not a block \
             [write {{upper …}} without the #]",
        ),
        (
            "{{#if}}x{{/if}}",
            "helper-values t/body.txt:1:4+2: `if` needs a value [none is given]",
        ),
        (
            "{{#if a}}{{else if (eq a)}}x{{/if}}",
            "helper-values t/body.txt:1:21+2: `eq` needs two values [one is given]",
        ),
        (
            "{{eq}}",
            "reserved-name t/body.txt:1:3+2: `eq` is a helper's name: {{eq}} shows no field \
             (for a field of that name write {{[eq]}})",
        ),
        (
            "{{#*inline \"x\"}}y{{/inline}}",
            "not-supported t/body.txt:1:1+16: partials cannot be defined within a template \
             (write it to templates/partials/NAME.txt)",
        ),
    ];
    for (text, said) in table {
        assert_eq!(body_fault(text), said);
    }
    assert!(body_fault("{{log a}}").starts_with("unknown-helper t/body.txt:1:3+3"));
}

#[test]
fn partials_that_are_missing_or_run_in_circles_are_refused() {
    let with = |text: &str, partials: &[(&str, &str)]| {
        let own = [("t/subject.txt", "Hello"), ("t/body.txt", text)];
        faults(&[&own, partials].concat())
    };
    assert_eq!(
        with(
            "Hi\n{{> fooster}}",
            &[("partials/footer.txt", "bye"), ("partials/foo.html", "x")]
        ),
        [
            "unknown-partial t/body.txt:2:5+7: there is no partial `fooster` \
          [did you mean `foo`?]"
        ]
    );
    assert_eq!(
        with(
            "{{> greeting}}{{> footer}}",
            &[("partials/footer.txt", "bye")]
        ),
        [
            "unknown-partial t/body.txt:1:5+8: there is no partial `greeting` \
          (write it to templates/partials/greeting.txt)"
        ]
    );
    assert_eq!(
        with(
            "{{> a}}",
            &[
                ("partials/a.txt", "x {{> b}}"),
                ("partials/b.txt", "{{#if n}}{{> a}}{{/if}}")
            ]
        ),
        [
            "partial-cycle partials/b.txt:1:14+1: partials include each other without end: \
          a -> b -> a"
        ]
    );
    assert_eq!(
        with("{{> a}}", &[("partials/a.txt", "x\n{{> a}}")]),
        ["partial-cycle partials/a.txt:2:5+1: partials include each other without end: a -> a"]
    );
    assert_eq!(
        with("{{> (lookup this \"x\")}}", &[]),
        [
            "not-supported t/body.txt:1:1+23: the name of a partial must be written out (choose \
          with {{#if}}: {{#if vip}}{{> vip}}{{else}}{{> plain}}{{/if}})"
        ]
    );
    for tricky in ["../secret", "/etc/passwd", "a/b", ".hidden"] {
        let said = with(&format!("{{{{> {tricky}}}}}"), &[]);
        assert!(
            said[0].starts_with("partial-name t/body.txt:1:5"),
            "{said:?}"
        );
    }
    assert!(with("{{> @partial-block}}", &[])[0].starts_with("unknown-partial t/body.txt:1:5"));
    assert!(
        with(
            "{{> card}}",
            &[("partials/card.txt", "{{> @partial-block}}")]
        )[0]
        .starts_with("unknown-partial partials/card.txt:1:5")
    );
}

#[test]
fn values_in_an_order_that_changes_are_refused() {
    let with = |partial: &str| {
        faults(&[
            ("t/subject.txt", "Hello"),
            ("t/body.txt", "{{> p a=1 b=2}}"),
            ("partials/p.txt", partial),
        ])
    };
    assert_eq!(
        with("{{a}}{{#if b}}{{#each this}}{{@key}}{{/each}}{{/if}}"),
        [
            "not-supported partials/p.txt:1:15+14: the order of these values would change from \
             message to message (give the partial one list instead, and repeat for that)"
        ]
    );
}

#[test]
fn a_fault_in_a_partial_is_told_once_and_unused_partials_are_not_judged() {
    let own = [
        ("t/subject.txt", "Hello"),
        ("t/body.txt", "{{> a}}{{> a}}{{> b}}"),
    ];
    let partials = [
        ("partials/a.txt", "{{#if x}}"),
        ("partials/b.txt", "{{> a}}"),
        ("partials/c.txt", "{{#if"),
    ];
    assert_eq!(
        faults(&[&own[..], &partials].concat()),
        ["template-syntax partials/a.txt:1:1+9: {{#if}} is never closed [no {{/if}} follows]"]
    );
}

#[test]
fn a_layout_has_one_place_for_the_body() {
    let with = |layout: &str| {
        faults(&[
            ("t/subject.txt", "Hello"),
            ("t/body.txt", "text"),
            ("t/body.html", "<p>html</p>"),
            ("layout.html", layout),
        ])
    };
    assert_eq!(
        with("<body></body>"),
        [
            "layout-body layout.html:1:1+0: the layout has no {{{body}}}: the body would be lost \
          (write {{{body}}} where the body goes, outside of any block)"
        ]
    );
    assert_eq!(
        with("<body>\n{{body}}</body>"),
        [
            "layout-body layout.html:2:1+8: this would show the body's tags as text \
          [write {{{body}}}]"
        ]
    );
    assert_eq!(
        with("{{{body}}}\n {{{body}}}"),
        ["layout-body layout.html:2:2+10: the layout has {{{body}}} twice [keep only one]"]
    );
    assert_eq!(with("{{#if x}}{{{body}}}{{/if}}").len(), 1);
}

#[test]
fn depth_and_size_are_bounded_before_anything_recurses() {
    let nested = "{{#if a}}".repeat(5000) + &"{{/if}}".repeat(5000);
    assert!(
        body_fault(&nested).starts_with("too-deep t/body.txt:1:361"),
        "{}",
        body_fault(&nested)
    );
    let brackets = format!(
        "{{{{#if {}a{}}}}}{{{{/if}}}}",
        "(not ".repeat(5000),
        ")".repeat(5000)
    );
    assert!(body_fault(&brackets).starts_with("too-deep t/body.txt:1:1"));
    let lists = format!(
        "{{{{#if {}{}}}}}{{{{/if}}}}",
        "[".repeat(5000),
        "]".repeat(5000)
    );
    assert!(body_fault(&lists).starts_with("too-deep t/body.txt:1:1"));

    let mut files = vec![("t/subject.txt".to_owned(), "x".to_owned())];
    files.push(("t/body.txt".to_owned(), "{{> p0}}".to_owned()));
    for at in 0..30 {
        let twice = format!("{{{{> p{}}}}}", at + 1).repeat(2);
        files.push((format!("partials/p{at}.txt"), twice));
    }
    files.push(("partials/p30.txt".to_owned(), "x".to_owned()));
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|(p, c)| (p.as_str(), c.as_str()))
        .collect();
    assert!(faults(&files)[0].starts_with("too-large t/body.txt:1:1"));

    let mut chain = vec![("t/subject.txt".to_owned(), "x".to_owned())];
    chain.push(("t/body.txt".to_owned(), "{{> p0}}".to_owned()));
    for at in 0..200 {
        chain.push((
            format!("partials/p{at}.txt"),
            format!("{{{{> p{}}}}}", at + 1),
        ));
    }
    chain.push(("partials/p200.txt".to_owned(), "x".to_owned()));
    let chain: Vec<(&str, &str)> = chain
        .iter()
        .map(|(p, c)| (p.as_str(), c.as_str()))
        .collect();
    assert!(
        faults(&chain)[0].starts_with("too-deep partials/p80.txt"),
        "{:?}",
        faults(&chain)
    );
}

#[test]
fn the_deepest_template_that_is_allowed_parses_and_renders_on_a_small_stack() {
    let text = "{{#if a}}".repeat(39) + "{{> p}}" + &"{{/if}}".repeat(39);
    let partial = "{{#if a}}".repeat(39) + "deep" + &"{{/if}}".repeat(39);
    let dir = folder(&[
        ("t/subject.txt", "Hello"),
        ("t/body.txt", &text),
        ("partials/p.txt", &partial),
    ]);
    let source = Source::read(dir.path(), "t", LayoutChoice::Default).expect("the files are there");
    let body = std::thread::Builder::new()
        .stack_size(2 << 20)
        .spawn(move || {
            let template = Template::compile(source).expect("the template compiles");
            let fields = super::fields(serde_json::json!({ "a": true }));
            template.render(&fields).expect("it renders").text
        });
    let body = body.expect("a thread").join().expect("no overflow");
    assert_eq!(body.as_deref(), Some("deep"));
}

#[test]
fn all_faults_are_told_at_once_in_order() {
    let said = faults(&[
        ("t/subject.txt", "{{#if a}}"),
        ("t/body.txt", "{{"),
        ("t/body.html", "{{/x}}"),
    ]);
    let places: Vec<&str> = said
        .iter()
        .filter_map(|line| line.split(' ').nth(1))
        .collect();
    assert_eq!(
        places,
        [
            "t/body.html:1:1+6:",
            "t/body.txt:1:1+2:",
            "t/subject.txt:1:1+9:"
        ]
    );
}

proptest! {
    /// Whatever is written, it compiles or has a fault, and then renders or has one: no panic.
    #[test]
    fn no_text_makes_it_panic(pieces in proptest::collection::vec(piece(), 0..14)) {
        let text = pieces.concat();
        let fields = super::fields(serde_json::json!({
            "a": "x", "b": [1, { "a": [] }], "c": { "a": { "b": "y" } }, "d": null, "姓名": "张",
        }));
        let files = [
            ("t/subject.txt", text.as_str()),
            ("t/body.txt", text.as_str()),
            ("t/body.html", text.as_str()),
            ("partials/p.txt", "{{> q}}"),
            ("partials/p.html", "{{a}}{{> @partial-block}}"),
            ("partials/q.txt", text.as_str()),
        ];
        match compile(&files) {
            Ok(template) => {
                let rendered = template.render(&fields).map(drop);
                prop_assert_eq!(template.check(&fields), rendered);
            }
            Err(faults) => {
                for fault in &faults {
                    let file = files.iter().find(|(path, _)| fault.file.as_os_str() == *path);
                    let text = file.expect("a fault names a file that there is").1;
                    let line = text.split('\n').nth(fault.line - 1);
                    let width = line.expect("a fault is within its file").chars().count();
                    prop_assert!(fault.column <= width + 1, "{:?}", fault);
                }
            }
        }
    }
}

fn piece() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        "(a|b|c|d|姓名|this|\\.|\\.\\./a|@index|@root/a|\\[a b\\]|c\\.a\\.b|b\\.0|\"x\"|'y'|1|null)",
        "(if|each|with|unless|eq|or|not|len|lookup|default|upper|raw|log|else|as|inline)",
        "(p|q|nope|@partial-block|\\(upper a\\)|\\(|\\)|=|\\||\\~|as \\|x\\||k=a)",
    ];
    let inner = proptest::collection::vec(word, 0..4).prop_map(|words| words.join(" "));
    let opening = "(\\{\\{|\\{\\{\\{|\\{\\{#|\\{\\{/|\\{\\{>|\\{\\{#>|\\{\\{\\^|\\{\\{~|\
                   \\{\\{!|\\{\\{!--|\\{\\{\\{\\{|\\\\\\{\\{|\\{\\{#\\*|\\{\\{&)";
    let closing = "(\\}\\}|\\}\\}|\\}\\}\\}|~\\}\\}|--\\}\\}|\\}\\}\\}\\}|)";
    prop_oneof![
        (opening, inner, closing).prop_map(|(open, inner, close)| open + &inner + &close),
        "(\\{\\{#if a\\}\\}|\\{\\{/if\\}\\}|\\{\\{else\\}\\}|\
         \\{\\{else if b\\}\\}|\\{\\{#each b\\}\\}|\\{\\{/each\\}\\}|\
         \\{\\{a\\}\\}|\\{\\{> p\\}\\})",
        "(\n|\r\n| |  |x|你好|\t|\\\\|<p>)",
    ]
}
