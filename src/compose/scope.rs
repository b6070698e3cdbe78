//! What a name means at a place of a template, as handlebars resolves it.

/// A path as it is written: `name`, `this.name`, `../name`, `@root/name`, `[First Name]`, `a.b`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Path<'a> {
    /// How many `../` it begins with.
    ups: usize,
    from_root: bool,
    /// The first name of it; none for `this` and for `@index` and its kin.
    pub(super) first: Option<&'a str>,
    /// Whether that name is all of it.
    pub(super) is_whole: bool,
}

pub(super) fn parse_path(raw: &str) -> Path<'_> {
    let mut rest = raw;
    for prefix in ["this.", "this/", "./"] {
        if let Some(after) = rest.strip_prefix(prefix) {
            rest = after;
            break;
        }
    }
    let root = rest
        .strip_prefix("@root/")
        .or_else(|| rest.strip_prefix("@root."));
    let from_root = root.is_some();
    rest = root.unwrap_or(rest);
    let local = rest.starts_with('@');
    let mut ups = 0;
    while let Some(after) = rest.strip_prefix("../") {
        rest = after;
        ups += 1;
    }
    let (first, after) = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((bracketed, after)) => (bracketed, after),
        None => rest.split_at(rest.find(['.', '/']).unwrap_or(rest.len())),
    };
    let names_something = !local && !first.is_empty() && first != "this" && first != "..";
    Path {
        ups,
        from_root,
        first: names_something.then_some(first),
        is_whole: after.is_empty(),
    }
}

/// The blocks around a place, innermost last.
#[derive(Debug)]
pub(super) struct Scope {
    frames: Vec<Frame>,
    /// Blocks and partials around the place, those without a frame included.
    pub(super) depth: usize,
    /// Whether `{{> @partial-block}}` has something to show.
    pub(super) in_partial_block: bool,
}

#[derive(Debug, Default)]
struct Frame {
    /// Whether plain names are fields of the list's row here.
    is_row: bool,
    /// Names that the block brings: `as |item|`, or the `title="…"` of a partial.
    names: Vec<String>,
    /// Whether handlebars adds those names to the values of the place, in an order of its own.
    is_shuffled: bool,
}

impl Scope {
    pub(super) fn of_row() -> Self {
        let frames = vec![Frame {
            is_row: true,
            ..Frame::default()
        }];
        Self {
            frames,
            depth: 0,
            in_partial_block: false,
        }
    }

    /// Enters a block whose names belong to something inner, such as an item of a list.
    pub(super) fn push_other(&mut self, names: Vec<String>) {
        self.frames.push(Frame {
            names,
            ..Frame::default()
        });
    }

    /// Enters a block that turns to `over`.
    pub(super) fn push_with(&mut self, over: Option<&str>, names: Vec<String>) {
        let is_row = self.stays_in_row(over);
        self.frames.push(Frame {
            is_row,
            names,
            ..Frame::default()
        });
    }

    /// Enters a partial that turns to `over`, or stays where it is, and is given `names`.
    pub(super) fn push_partial(&mut self, over: Option<&str>, names: Vec<String>) {
        self.frames.push(Frame {
            is_row: self.stays_in_row(over),
            is_shuffled: names.len() > 1,
            names,
        });
    }

    fn stays_in_row(&self, over: Option<&str>) -> bool {
        let stays = over.is_none_or(|over| over == "this");
        stays && self.frames.last().is_some_and(|frame| frame.is_row)
    }

    /// Whether going through all values of this place would go in another order each time.
    pub(super) fn is_shuffled(&self, over: Option<&str>) -> bool {
        over == Some("this") && self.frames.iter().any(|frame| frame.is_shuffled)
    }

    pub(super) fn pop(&mut self) {
        self.frames.pop();
    }

    /// The field of the row that `path` means, if it means one.
    pub(super) fn field<'a>(&self, path: &Path<'a>) -> Option<&'a str> {
        let name = path.first?;
        if path.from_root {
            return Some(name);
        }
        if self
            .frames
            .iter()
            .any(|frame| frame.names.iter().any(|known| known == name))
        {
            return None;
        }
        let up = self.frames.len().checked_sub(path.ups + 1);
        let frame = up
            .and_then(|at| self.frames.get(at))
            .or(self.frames.last())?;
        frame.is_row.then_some(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_gives_its_first_name() {
        let first = |raw| parse_path(raw).first;
        assert_eq!(first("name"), Some("name"));
        assert_eq!(first("this.name"), Some("name"));
        assert_eq!(first("./name"), Some("name"));
        assert_eq!(first("@root/name"), Some("name"));
        assert_eq!(first("../../name"), Some("name"));
        assert_eq!(first("[First Name]"), Some("First Name"));
        assert_eq!(first("[a.b].c"), Some("a.b"));
        assert_eq!(first("address.city"), Some("address"));
        assert_eq!(first("姓名"), Some("姓名"));
        assert_eq!(first("this"), None);
        assert_eq!(first("@index"), None);
        assert_eq!(first("@../index"), None);
        assert!(!parse_path("a.b").is_whole);
    }

    #[test]
    fn names_of_a_block_and_of_items_are_no_fields() {
        let mut scope = Scope::of_row();
        scope.push_other(vec!["item".to_owned()]);
        assert_eq!(scope.field(&parse_path("name")), None);
        assert_eq!(scope.field(&parse_path("../name")), Some("name"));
        assert_eq!(scope.field(&parse_path("../item")), None);
        assert_eq!(scope.field(&parse_path("@root.name")), Some("name"));
        scope.pop();
        scope.push_with(Some("this"), Vec::new());
        assert_eq!(scope.field(&parse_path("name")), Some("name"));
    }
}
