//! Plain text out of words, gaps and handlebars tags.
//!
//! HTML says where a paragraph begins and ends; text has line breaks between them. Whether a
//! break belongs inside or outside of an `{{#if}}` depends on what stands around it: the text must
//! read well with and without what is in the block. So gaps are asked for, and written only where
//! something follows; at each block it is settled how much of them every way through it has.

use std::mem;

/// What stands between two words, from nothing to an empty line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Gap {
    #[default]
    None,
    Space,
    /// Between the cells of a table's row.
    Cell,
    Line,
    Blank,
}

impl Gap {
    /// One more line break than this.
    fn and_break(self) -> Self {
        if self < Self::Line {
            Self::Line
        } else {
            Self::Blank
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Item {
    /// Text or a tag that shows something, without white space around it.
    Word(String),
    /// White space; whether a line break of the source is in it.
    Space {
        line: bool,
    },
    Gap(Gap),
    /// `<br>`.
    Break,
    /// `- `, before what it marks.
    Marker(String),
    /// Text to be kept as it is, line breaks included.
    Kept(String),
    /// Lines begin with this from here on.
    Enter(&'static str),
    Leave,
    /// `{{> name}}`; whether it shows lines of its own, and ends the last of them.
    Partial {
        tag: String,
        lines: bool,
        ends: bool,
    },
    Open {
        tag: String,
        is_loop: bool,
    },
    Else {
        tag: String,
        chained: bool,
    },
    Close(String),
}

/// Writes the items, as one text that ends with a line break if `lines` or if it has more than one
/// line. White space around it is dropped.
pub(super) fn write(items: Vec<Item>, lines: bool) -> String {
    let nodes = tree(items);
    let lines = lines || nodes.iter().any(Node::has_lines);
    let mut writer = Writer {
        out: String::new(),
        pending: Gap::None,
        soft: false,
        have: Gap::Blank,
        line_start: true,
        alone: false,
        prefixes: Vec::new(),
    };
    let end = if lines { Gap::Line } else { Gap::None };
    writer.sequence(&nodes, end);
    writer.out
}

#[derive(Debug)]
enum Node {
    Item(Item),
    Block(Block),
}

#[derive(Debug)]
struct Block {
    is_loop: bool,
    has_else: bool,
    /// Each with the tag before it.
    branches: Vec<(String, Vec<Node>)>,
    close: String,
}

impl Node {
    fn has_lines(&self) -> bool {
        match self {
            Self::Item(Item::Gap(gap)) => *gap >= Gap::Line,
            Self::Item(Item::Partial { lines, .. }) => *lines,
            Self::Item(Item::Break | Item::Marker(_) | Item::Kept(_)) => true,
            Self::Item(_) => false,
            Self::Block(block) => block.nodes().any(Self::has_lines),
        }
    }

    /// Whether it shows something, so that the gaps before it are needed.
    fn shows(&self) -> bool {
        match self {
            Self::Item(item) => matches!(
                item,
                Item::Word(_) | Item::Marker(_) | Item::Kept(_) | Item::Partial { .. }
            ),
            Self::Block(block) => block.nodes().any(Self::shows),
        }
    }

    /// The gap asked for with this beside it.
    fn gap_after(&self, asked: Gap) -> Gap {
        match self {
            Self::Item(Item::Space { .. }) => asked.max(Gap::Space),
            Self::Item(Item::Gap(gap)) => asked.max(*gap),
            Self::Item(Item::Break) => asked.and_break(),
            _ => asked,
        }
    }
}

impl Block {
    fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.branches.iter().flat_map(|(_, nodes)| nodes)
    }
}

/// Blocks within each other go no deeper; templates that do are refused before.
const DEEPEST: usize = 64;

/// Blocks that are never closed end with the text, tags that close nothing are left out: no
/// template that can be parsed has either.
fn tree(items: Vec<Item>) -> Vec<Node> {
    let mut open: Vec<(Block, Vec<Node>)> = Vec::new();
    let mut here = Vec::new();
    for item in items {
        match item {
            Item::Open { tag, is_loop } if open.len() < DEEPEST => {
                let block = Block {
                    is_loop,
                    has_else: false,
                    branches: vec![(tag, Vec::new())],
                    close: String::new(),
                };
                open.push((block, mem::take(&mut here)));
            }
            Item::Else { tag, chained } => {
                if let Some((block, _)) = open.last_mut() {
                    block.has_else |= !chained;
                    block.end_branch(&mut here);
                    block.branches.push((tag, Vec::new()));
                }
            }
            Item::Close(tag) => close(&mut open, &mut here, tag),
            item => here.push(Node::Item(item)),
        }
    }
    while !open.is_empty() {
        close(&mut open, &mut here, String::new());
    }
    here
}

fn close(open: &mut Vec<(Block, Vec<Node>)>, here: &mut Vec<Node>, tag: String) {
    if let Some((mut block, outer)) = open.pop() {
        block.end_branch(here);
        block.close = tag;
        *here = outer;
        here.push(Node::Block(block));
    }
}

impl Block {
    fn end_branch(&mut self, nodes: &mut Vec<Node>) {
        if let Some((_, branch)) = self.branches.last_mut() {
            *branch = mem::take(nodes);
        }
    }
}

/// Blocks that are looked at to say what follows a place.
const FORESIGHT: usize = 12;

/// The least gap that every way on from here asks for, `asked` being asked already, and whether all
/// ways ask for the same. `end` is what the end of the nodes asks for.
fn ahead(nodes: &[Node], asked: Gap, end: Gap, fuel: &mut usize) -> (Gap, bool) {
    let mut asked = asked;
    for (at, node) in nodes.iter().enumerate() {
        match node {
            Node::Block(block) if *fuel > 0 => {
                *fuel -= 1;
                let rest = &nodes[at + 1..];
                let (mut least, mut same) = (Gap::Blank, true);
                let mut first = None;
                let branches = block.branches.iter().map(|(_, branch)| branch.as_slice());
                for branch in branches.chain((!block.has_else).then_some(&[][..])) {
                    let (gap, exact) = match branch.iter().any(Node::shows) {
                        true => ahead(branch, asked, end, fuel),
                        false => ahead(rest, asked, end, fuel),
                    };
                    same &= exact && *first.get_or_insert(gap) == gap;
                    least = least.min(gap);
                }
                return (least, same);
            }
            node if node.shows() => return (asked, true),
            node => asked = node.gap_after(asked),
        }
    }
    (end, true)
}

/// The gap that the end of the nodes asks for.
fn tail(nodes: &[Node]) -> Gap {
    let mut gap = Gap::None;
    for node in nodes.iter().rev() {
        match node {
            Node::Block(block) if node.shows() => {
                let inner = block.branches.iter().map(|(_, branch)| tail(branch));
                return gap.max(inner.max().unwrap_or_default());
            }
            node if node.shows() => return gap,
            node => gap = node.gap_after(gap),
        }
    }
    gap
}

fn lead(nodes: &[Node]) -> Gap {
    ahead(nodes, Gap::None, Gap::None, &mut FORESIGHT.clone()).0
}

/// Lists within lists are indented no further.
const DEEPEST_INDENT: usize = 12;

struct Writer {
    out: String,
    /// The gap asked for since the last word.
    pending: Gap,
    /// Whether that is only a line break of the source.
    soft: bool,
    /// The gap that is there already, on every way to this place.
    have: Gap,
    /// Whether a line of the text begins here, as handlebars sees it.
    line_start: bool,
    /// Whether the last thing written is a tag that handlebars takes the line break after it with.
    alone: bool,
    prefixes: Vec<&'static str>,
}

impl Writer {
    /// Writes the nodes and then the gap `end`; what they ask for beyond it is forgotten.
    fn sequence(&mut self, nodes: &[Node], end: Gap) {
        for (at, node) in nodes.iter().enumerate() {
            match node {
                Node::Item(item) => self.item(item),
                Node::Block(block) if node.shows() => self.block(block, &nodes[at + 1..], end),
                Node::Block(block) => self.silent(block),
            }
        }
        self.pending = end;
        self.soft = false;
        self.fill();
    }

    fn item(&mut self, item: &Item) {
        match item {
            Item::Word(word) => self.word(word),
            Item::Space { line } => {
                self.soft = *line && (self.soft || self.pending == Gap::None);
                self.pending = self.pending.max(Gap::Space);
            }
            Item::Gap(gap) => self.pending = self.pending.max(*gap),
            Item::Break => self.pending = self.pending.and_break(),
            Item::Marker(marker) => {
                self.word(marker);
                self.have = Gap::Blank;
            }
            Item::Kept(text) if text.is_empty() => {}
            Item::Kept(text) => {
                self.word(text);
                self.line_start = text.ends_with('\n');
                self.have = if self.line_start {
                    Gap::Line
                } else {
                    Gap::None
                };
            }
            Item::Enter(prefix) => self.prefixes.push(prefix),
            Item::Leave => drop(self.prefixes.pop()),
            Item::Partial { tag, lines, ends } => self.partial(tag, *lines && *ends),
            Item::Open { tag, .. } | Item::Else { tag, .. } | Item::Close(tag) => self.word(tag),
        }
    }

    fn word(&mut self, word: &str) {
        if self.soft && self.pending == Gap::Space && joins(&self.out, word) {
            self.pending = Gap::None;
        }
        self.fill();
        if self.line_start {
            let prefixes = self.prefixes.iter().take(DEEPEST_INDENT);
            prefixes.for_each(|prefix| self.out.push_str(prefix));
        }
        let escapes = word.starts_with("{{") && self.out.ends_with('\\');
        if escapes && !self.out.ends_with("\\\\") {
            self.out.push('\\');
        }
        self.out.push_str(word);
        self.have = Gap::None;
        self.line_start = false;
        self.alone = false;
    }

    fn partial(&mut self, tag: &str, ends: bool) {
        self.fill();
        let alone = self.line_start;
        self.out.push_str(tag);
        if alone && ends {
            self.out.push('\n');
        }
        self.have = if ends { Gap::Line } else { Gap::None };
        self.line_start = alone && ends;
        self.alone = alone && !ends;
    }

    /// Writes what is still lacking of the gap asked for.
    fn fill(&mut self) {
        let wanted = mem::take(&mut self.pending);
        self.soft = false;
        if wanted <= self.have {
            return;
        }
        if wanted >= Gap::Line {
            if self.have < Gap::Line {
                self.out.truncate(self.out.trim_end_matches(' ').len());
                self.out.push_str(if mem::take(&mut self.alone) {
                    "\n\n"
                } else {
                    "\n"
                });
            }
            self.line_start = true;
            self.out
                .push_str(if wanted == Gap::Blank { "\n" } else { "" });
        } else {
            let there = usize::from(self.have == Gap::Space);
            let wide = if wanted == Gap::Cell { 2 } else { 1 };
            self.out.extend(std::iter::repeat_n(' ', wide - there));
        }
        self.have = wanted;
    }

    /// A block that shows nothing; its tags stay, since what they name is asked for.
    fn silent(&mut self, block: &Block) {
        let (pending, soft) = (mem::take(&mut self.pending), self.soft);
        for (tag, nodes) in &block.branches {
            self.tag(tag);
            for node in nodes {
                match node {
                    Node::Block(inner) => self.silent(inner),
                    Node::Item(item) if matches!(item, Item::Enter(_) | Item::Leave) => {
                        self.item(item);
                    }
                    Node::Item(_) => {}
                }
            }
        }
        self.tag(&block.close);
        (self.pending, self.soft) = (pending, soft);
    }

    /// A tag that shows nothing: alone on its line if a line begins here.
    fn tag(&mut self, tag: &str) {
        if self.line_start {
            self.out.push_str(&without_tildes(tag));
            self.out.push('\n');
        } else {
            self.out.push_str(tag);
            self.alone = false;
        }
    }

    fn block(&mut self, block: &Block, after: &[Node], end: Gap) {
        let (least, exact) = ahead(after, Gap::None, end, &mut FORESIGHT.clone());
        let last = !after.iter().any(Node::shows);
        let leads = block
            .branches
            .iter()
            .filter(|(_, it)| it.iter().any(Node::shows));
        let lead = leads.map(|(_, it)| lead(it)).min().unwrap_or_default();
        if lead >= Gap::Line && least >= Gap::Line {
            self.pending = self.pending.max(lead.min(least));
        }
        let asked = self.pending;
        if !block.is_loop {
            // What the end of the text does not need is asked for where the block shows something.
            self.pending = asked.min(ahead(after, asked, end, &mut FORESIGHT.clone()).0);
        }
        let soft = self.soft;
        self.fill();
        let start = self.have;
        let leftover = if asked > start { asked } else { Gap::None };
        let tails = block.branches.iter().map(|(_, nodes)| tail(nodes)).max();
        let tails = tails.unwrap_or_default();
        let mut wanted = if last { least } else { least.max(tails) };
        if block.is_loop && start >= lead {
            wanted = wanted.max(lead);
        }

        if !exact && start > wanted {
            // What follows may be left out as well, and then the gap before all of it counts.
            wanted = start;
        }
        let plan = Plan {
            start,
            leftover,
            least,
            exact,
            wanted,
            last,
        };
        let lines = block.nodes().any(Node::has_lines) || (start >= wanted && wanted >= Gap::Line);
        if self.line_start && !lines {
            let prefixes = self.prefixes.iter().take(DEEPEST_INDENT);
            prefixes.for_each(|prefix| self.out.push_str(prefix));
            self.line_start = false;
        }
        for (number, (tag, nodes)) in block.branches.iter().enumerate() {
            self.tag(tag);
            self.branch(nodes, block.is_loop && number == 0, &plan);
        }
        self.tag(&block.close);
        self.alone = false;
        self.have = start.min(wanted);
        self.pending = match start >= wanted || last {
            true => Gap::None,
            false if exact && least < Gap::Line => least,
            false if exact => wanted,
            false => asked.max(tails),
        };
        self.soft = soft && self.pending == Gap::Space;
    }

    fn branch(&mut self, nodes: &[Node], is_loop: bool, plan: &Plan) {
        let tail = tail(nodes);
        let between = if is_loop { tail.max(lead(nodes)) } else { tail };
        let fits = plan.start >= plan.wanted;
        let end = match () {
            () if is_loop && fits => between.min(plan.wanted),
            () if plan.last && fits => plan.wanted,
            () if fits && plan.exact => plan.least.max(tail),
            () if fits => plan.wanted,
            () if tail > plan.least && plan.least < Gap::Line && plan.exact => tail,
            () => plan.start,
        };
        self.have = if is_loop {
            plan.start.min(end)
        } else {
            plan.start
        };
        self.pending = plan.leftover;
        self.sequence(nodes, end);
        if is_loop && fits && end < plan.wanted {
            self.at_last(plan.wanted);
        }
    }

    /// The gap after a loop, which must not be there where the loop has nothing to show.
    fn at_last(&mut self, wanted: Gap) {
        self.tag("{{#if @last}}");
        self.pending = wanted;
        self.fill();
        self.tag("{{/if}}");
    }
}

/// How a block meets what is around it.
struct Plan {
    /// The gap before it.
    start: Gap,
    /// What was asked for before it and is left to its branches.
    leftover: Gap,
    /// What is asked for after it, at least.
    least: Gap,
    /// Whether that is what is asked for on every way on.
    exact: bool,
    /// The same with what its own end asks for.
    wanted: Gap,
    /// Whether nothing follows.
    last: bool,
}

/// A tag that stands on a line of its own must not take the line breaks around it away.
fn without_tildes(tag: &str) -> String {
    let opening = tag.find(|c| c != '{').unwrap_or(0);
    let closing = tag.rfind(|c| c != '}').map_or(tag.len(), |at| at + 1);
    if tag.is_empty() || opening >= closing {
        return tag.to_owned();
    }
    let inside = tag[opening..closing].trim_matches('~');
    format!("{}{inside}{}", &tag[..opening], &tag[closing..])
}

/// Whether a line break of the source between these is none to the reader: Chinese and Japanese
/// are written without spaces.
fn joins(before: &str, after: &str) -> bool {
    let ends = before.chars().next_back().is_some_and(is_wide);
    ends && after.chars().next().is_some_and(is_wide)
}

fn is_wide(c: char) -> bool {
    matches!(c, '\u{2e80}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{fe30}'..='\u{fe4f}'
        | '\u{ff00}'..='\u{ff60}' | '\u{20000}'..='\u{3fffd}')
}
