//! Codes of problems with templates.

use super::{Code, code};

pub(super) static CODES: &[Code] = &[
    code(
        "missing-field",
        "A template, or a key, uses a field that a list does not have.",
        "Hello {{first_nam}},",
        "Mend the spelling, or add the column. For an optional one write {{#if \
         first_name}}…{{/if}} and name it under `optional` of the list. Nothing is sent to anyone \
         while a template can render a blank.",
    ),
    code(
        "template-syntax",
        "A template cannot be parsed.",
        r#"{{#if discount}}
  …
{{/each}}"#,
        "Close each block by its own name, innermost first.",
    ),
    code(
        "unknown-helper",
        "A template uses a helper that does not exist.",
        "{{uppercase plan}}",
        "`postroom explain helpers` lists them all. A field with a space in its name is written \
         {{[First Name]}}.",
    ),
    code(
        "helper-form",
        "A helper is used as a block that is none, or without one.",
        "{{#upper name}}…{{/upper}}",
        "{{upper name}} is a value, {{#if name}}…{{/if}} a block. `postroom explain helpers` has \
         an example of each.",
    ),
    code(
        "helper-values",
        "A helper has too few values.",
        "{{default first_name}}",
        "`postroom explain helpers` has an example of each.",
    ),
    code(
        "reserved-name",
        "A field has the name of a helper, and would not be shown.",
        "{{raw}}",
        "Write {{[raw]}} for the field.",
    ),
    code(
        "unknown-partial",
        "A template includes a partial that is not there.",
        "{{> footer}}",
        "Write it to templates/partials/footer.txt, or footer.html for HTML.",
    ),
    code(
        "partial-name",
        "A text is not a name for a partial.",
        "{{> partials/footer.html}}",
        "The name alone, without folder, ending or quotes: {{> footer}}.",
    ),
    code(
        "partial-cycle",
        "Partials include each other without end.",
        "{{> a}} in b.txt, and {{> b}} in a.txt",
        "Break the circle that the message shows.",
    ),
    code(
        "not-supported",
        "A template does what handlebars can, and postroom does not.",
        r#"{{> (lookup this "part")}}"#,
        "What is to be checked before it is sent has to stand there: write names out, and choose \
         with {{#if}}.",
    ),
    code(
        "too-deep",
        "Blocks or partials go too deep into each other.",
        "{{#if a}}{{#if b}}{{#if c}}…",
        "Make it flatter: a partial for the inner part, or fewer conditions.",
    ),
    code(
        "too-large",
        "A template is too large.",
        "{{> everything}}",
        "Split it, or compute the text before and put it into a column.",
    ),
    code(
        "template-name",
        "A text is not a name for a template or a layout.",
        r#"send = "../news""#,
        "The folder's name alone: no slash, no backslash, no dot in front.",
    ),
    code(
        "missing-template",
        "There is no such folder in templates/.",
        r#"send = "digets""#,
        "Mend the spelling, or make the folder with subject.txt and a body in it: body.txt, \
         body.html or body.md.",
    ),
    code(
        "missing-layout",
        "The layout that a template names is not there.",
        r#"[template.digest]
layout = "fancy""#,
        "Write templates/fancy.txt and fancy.html, or layout = false for none.",
    ),
    code(
        "layout-body",
        "A layout does not say where the body goes.",
        "<html>…</html>",
        "Write {{> @partial-block}} or {{{body}}} where the message says.",
    ),
    code(
        "missing-subject",
        "A template has no subject.",
        "templates/digest/body.txt, and no subject.txt",
        "Write the subject into subject.txt, on one line, or into `subject` of [template.digest].",
    ),
    code(
        "missing-body",
        "A template has no body.",
        "templates/digest/subject.txt, and no body.txt",
        "Write body.txt, body.html or both, or body.md alone. Who reads another language than the \
         one a template has texts in gets those without a language, so there must be some.",
    ),
    code(
        "missing-markdown",
        "The Markdown file that a template names is not there.",
        r#"[template.digest]
markdown = "templates/digets.md""#,
        "Mend the path, which is relative to the configuration's folder, or write the file.",
    ),
    code(
        "missing-text",
        "No plain text can be made of a template's HTML or Markdown.",
        r#"<a {{#if plan}}href="{{url}}">plan{{/if}}</a>"#,
        "Write it yourself, into body.txt. Where blocks begin within a tag and end outside of it, \
         nobody can tell what would be left.",
    ),
    code(
        "missing-image",
        "A template shows an image from a file that is not there.",
        r#"<img src="lgoo.png" alt="">"#,
        "Mend the path: it is looked for beside the text that shows it, then in templates/ itself. \
         For one on a server write the whole address, with https://.",
    ),
    code(
        "bad-image",
        "A template shows an image of a kind that mail readers do not show.",
        r#"<img src="logo.svg" alt="">"#,
        "Save it as PNG, JPEG, GIF or WebP. What it holds counts, not its name.",
    ),
    code(
        "missing-style-sheet",
        "A template has a style sheet from a file that is not there.",
        r#"<link rel="stylesheet" href="stlye.css">"#,
        "Mend the path: it is looked for beside the text that names it, then in templates/ itself.",
    ),
    code(
        "bad-style-sheet",
        "A style sheet of a template has something in it that is none.",
        ".button { color: {{colour}} }",
        "What depends on values goes into a <style> of the template, where tags are filled in.",
    ),
    code(
        "remote-style-sheet",
        "A template has its styles from a server: most mail readers load none.",
        r#"<link rel="stylesheet" href="https://example.org/mail.css">"#,
        "Put a copy into templates/ and name that: its rules are written into the message.",
    ),
    code(
        "stray-file",
        "A file in a template's folder looks like one of its texts and would never be read.",
        "templates/digest/Body.htm",
        "Give it the name that the message says, or take it away. The texts are subject.txt, \
         body.txt, body.html and body.md, and for readers of other languages subject.de.txt, \
         body.de.html and so on.",
    ),
    code(
        "bad-language",
        "A text is not the tag of a language.",
        "templates/digest/body.jp.txt",
        "Tags are those of BCP 47: a language (de), and where it matters a script or a country \
         (zh-Hant, pt-BR). Japanese is ja.",
    ),
    code(
        "not-text",
        "A file of a template is not text.",
        "templates/digest/body.txt, saved as UTF-16",
        "Save it as UTF-8.",
    ),
    code(
        "unreadable",
        "A file of a template cannot be read.",
        "templates/digest/body.txt, a link to nothing",
        "Let the service's user read it, and let it be a regular file.",
    ),
    code(
        "outside",
        "A file of a template is not in the folder of templates, or a link out of it.",
        "templates/digest/body.txt -> /etc/motd",
        "Put a copy of the file there instead.",
    ),
    code(
        "raw-html",
        "A template puts a field into its HTML as it is.",
        "<p>{{{first_name}}}</p>",
        "Write two braces, {{first_name}}: then <, > and & are escaped. Three are for columns that \
         are meant to hold HTML.",
    ),
    code(
        "refused-attachment",
        "A mail is to carry a file of a kind that large providers refuse.",
        r#"attachments = ["files/setup.exe"]"#,
        "Put it where people can fetch it, and write the link into the text. An archive around it \
         does not help: they look inside.",
    ),
    code(
        "large-html",
        "The HTML of a template is so long that some readers see the first part of it only.",
        "templates/digest/body.html, of 130 KB",
        "Make it shorter than 102 KB, where Gmail clips: styles and pictures that are written into \
         it are most of it, as a rule.",
    ),
    code(
        "image-alt",
        "An image has no alternative text: who loads no images sees nothing of it.",
        "<img src=\"chart.png\">",
        "Say in `alt` what it shows, or write alt=\"\" where it is decoration.",
    ),
    code(
        "image-only",
        "The HTML has images and hardly a word.",
        "a body of one large picture",
        "Say it in words, too: most readers load no images until they ask for them, and spam \
         filters count such mail against its sender.",
    ),
    code(
        "relative-link",
        "A link begins with neither a scheme nor a field: from a mail, it leads nowhere.",
        "<a href=\"/news\">",
        "Write the whole address, with https://.",
    ),
    code(
        "short-link",
        "A link goes through a service that shortens addresses.",
        "<a href=\"https://bit.ly/x\">",
        "Write the address itself: nobody sees how long it is, and filters count short ones.",
    ),
    code(
        "open-link",
        "A field alone says where a link leads; it might lead to a script (`javascript:…`).",
        "<a href=\"{{link}}\">",
        "Write {{url link}}: only https, http, mailto and tel pass, any other row is invalid.",
    ),
    code(
        "empty-link",
        "A link has no text and no image that could be seen.",
        "<a href=\"https://example.org\"></a>",
        "Write what it leads to between the tags, or take it out.",
    ),
    code(
        "dead-html",
        "HTML that mail readers take out: scripts, forms, frames, `onclick` and the like.",
        "<form action=\"…\">",
        "Link to a page that has it.",
    ),
    code(
        "long-subject",
        "The fixed words of a subject alone are longer than readers show.",
        "a subject of 120 characters",
        "Begin with what matters and keep it under some 70 characters.",
    ),
    code(
        "spam-score",
        "SpamAssassin counts something against a message (`postroom check --spam`).",
        "0.6 for SUBJ_BUY: Subject line starts with Buy or Buying",
        "Mend what the rule is about; `spamassassin -D` explains more. At the sum that it \
         requires, filters like it put the message aside, and this is an error.",
    ),
];
