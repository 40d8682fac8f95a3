use std::collections::BTreeMap;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// What the checks want to know of a Rust file. Read from its tokens, so neither comments nor strings are taken for code, and
/// what stands inside a macro is seen as well.
#[derive(Debug, Default)]
pub(crate) struct Source {
    /// Every path that is written, `use` trees taken apart.
    pub(crate) paths: Vec<Path>,
    /// `mod` items.
    pub(crate) mods: Vec<Mod>,
    /// Implementations of traits.
    pub(crate) impls: Vec<Impl>,
    /// Enums.
    pub(crate) enums: Vec<Enum>,
    /// Constants of modules by name: what stands behind `=`.
    pub(crate) consts: BTreeMap<String, String>,
    /// Attributes without their brackets, spaces taken out.
    pub(crate) attributes: Vec<(usize, String)>,
    /// Called macros: line, name, and what they are given.
    pub(crate) macros: Vec<(usize, String, String)>,
    /// Literal strings, and whether they are in test code.
    pub(crate) strings: Vec<(usize, String, bool)>,
    /// Lines with `async` or `.await`.
    pub(crate) awaits: Vec<usize>,
    /// What `use` brings into scope: its name there, and what it is.
    names: BTreeMap<String, Vec<String>>,
}

/// A path, as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Path {
    pub(crate) line: usize,
    pub(crate) segments: Vec<String>,
    /// Whether it ends in `::*`.
    pub(crate) glob: bool,
    /// Whether it stands in code that is compiled for tests only.
    pub(crate) in_test: bool,
    /// Whether it names a function that is called here.
    pub(crate) called: bool,
    /// The modules of this file around it.
    inside: Vec<String>,
}

/// A `mod` item.
#[derive(Debug)]
pub(crate) struct Mod {
    pub(crate) line: usize,
    pub(crate) name: String,
    /// Whether anyone but its parent can name it.
    pub(crate) public: bool,
}

/// `impl Trait for …`, outside tests.
#[derive(Debug)]
pub(crate) struct Impl {
    pub(crate) line: usize,
    /// The last segment of the trait's path.
    pub(crate) of: String,
    /// The last segment of the type's path.
    pub(crate) on: String,
    /// Its constants: what stands behind `=`.
    pub(crate) consts: BTreeMap<String, String>,
    /// Its types: what stands behind `=`.
    pub(crate) types: BTreeMap<String, String>,
}

/// An enum, outside tests.
#[derive(Debug)]
pub(crate) struct Enum {
    pub(crate) line: usize,
    pub(crate) name: String,
    /// Its `serde` attributes, spaces taken out.
    pub(crate) serde: String,
    /// Its variants, by the name under which serde writes them.
    pub(crate) variants: Vec<String>,
}

#[derive(Clone, Default)]
struct Place {
    inside: Vec<String>,
    in_test: bool,
    /// Whether it is within an item that is no module.
    in_item: bool,
}

impl Source {
    /// Reads a file.
    ///
    /// # Errors
    /// When it is not Rust.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        // A byte order mark or a first line for the shell is no token.
        let stream: TokenStream = text.parse().map_err(|error| format!("does not read as Rust: {error}"))?;
        let mut source = Self::default();
        source.walk(stream, &Place::default());
        Ok(source)
    }

    /// A path from the root of its crate when it leads into it (`true`), or else as written, with what `use` brought in put
    /// in its place. `module` is the file's own.
    pub(crate) fn resolve(&self, path: &Path, module: &[String]) -> (bool, Vec<String>) {
        let mut segments = path.segments.clone();
        // A name may stand for a path that begins with another such name; a `use` of its own name ends it.
        for _ in 0..4 {
            match self.names.get(&segments[0]) {
                Some(full) if full[0] != segments[0] => drop(segments.splice(0..1, full.iter().cloned())),
                _ => break,
            }
        }
        let mut at: Vec<String> = module.iter().chain(&path.inside).cloned().collect();
        match segments[0].as_str() {
            "crate" => return (true, segments.split_off(1)),
            "self" => {
                at.extend(segments.split_off(1));
                return (true, at);
            }
            "super" => {}
            _ => return (false, segments),
        }
        let ups = segments.iter().take_while(|segment| *segment == "super").count();
        at.truncate(at.len().saturating_sub(ups));
        at.extend(segments.split_off(ups));
        (true, at)
    }

    fn walk(&mut self, stream: TokenStream, place: &Place) {
        let tokens: Vec<TokenTree> = stream.into_iter().collect();
        let mut place = place.clone();
        let mut pending: Vec<String> = Vec::new();
        let mut index = 0;
        while let Some(token) = tokens.get(index) {
            let line = token.span().start().line;
            let here = Place { in_test: place.in_test || pending.iter().any(|attribute| is_for_tests(attribute)), ..place.clone() };
            let before = index.checked_sub(1).and_then(|before| tokens.get(before));
            match token {
                TokenTree::Punct(punct) if punct.as_char() == '#' => {
                    let inner = is_punct(tokens.get(index + 1), '!');
                    if let Some(TokenTree::Group(group)) = tokens.get(index + 1 + usize::from(inner)) {
                        let text = compact(group.stream());
                        if inner && is_for_tests(&text) {
                            place.in_test = true;
                        }
                        if !text.starts_with("doc=") {
                            self.attributes.push((line, text.clone()));
                            self.walk(group.stream(), &here);
                        }
                        if !inner {
                            pending.push(text);
                        }
                        index += 2 + usize::from(inner);
                        continue;
                    }
                }
                TokenTree::Punct(punct) if punct.as_char() == ';' => pending.clear(),
                TokenTree::Group(group) => {
                    self.walk(group.stream(), &Place { in_item: true, ..here });
                    if group.delimiter() == Delimiter::Brace {
                        pending.clear();
                    }
                }
                TokenTree::Literal(literal) => {
                    if let Some(text) = string(&literal.to_string()) {
                        self.strings.push((line, text.into(), here.in_test));
                    }
                }
                TokenTree::Ident(ident) => {
                    let next = tokens.get(index + 1);
                    match (ident.to_string().as_str(), next) {
                        // `.await` and methods are no paths.
                        ("await" | "async", _) => self.awaits.push(line),
                        _ if is_punct(before, '.') && !is_range(&tokens, index) => {}
                        ("use", _) => {
                            let end = (index..tokens.len()).find(|at| is_punct(tokens.get(*at), ';')).unwrap_or(tokens.len());
                            // `impl Trait + use<'_>` captures; it brings nothing in.
                            if !is_punct(next, '<') {
                                self.bring_in(&tokens[index + 1..end], &[], &here);
                                pending.clear();
                                index = end + 1;
                                continue;
                            }
                        }
                        ("mod", Some(TokenTree::Ident(name))) => {
                            let name = name.to_string();
                            let public = match before {
                                Some(TokenTree::Ident(word)) => *word == "pub",
                                Some(TokenTree::Group(scope)) => {
                                    scope.delimiter() == Delimiter::Parenthesis && compact(scope.stream()) != "self"
                                }
                                _ => false,
                            };
                            self.mods.push(Mod { line, name: name.clone(), public });
                            if let Some(TokenTree::Group(body)) = tokens.get(index + 2) {
                                let mut inside = here.inside.clone();
                                inside.push(name);
                                self.walk(body.stream(), &Place { inside, ..here });
                                pending.clear();
                            }
                            index += 3;
                            continue;
                        }
                        ("impl", _) if !here.in_test => self.impls.extend(read_impl(&tokens[index..])),
                        ("enum", Some(TokenTree::Ident(name))) if !here.in_test => {
                            let body = tokens[index..].iter().find_map(braces);
                            let serde: String =
                                pending.iter().filter(|attribute| attribute.starts_with("serde(")).map(String::as_str).collect();
                            let variants = body.map(|body| variants(body, &serde)).unwrap_or_default();
                            self.enums.push(Enum { line, name: name.to_string(), serde, variants });
                        }
                        ("const", Some(TokenTree::Ident(name))) if !here.in_item => {
                            if let Some(value) = value(&tokens[index..]) {
                                self.consts.insert(name.to_string(), value);
                            }
                        }
                        (name, Some(TokenTree::Punct(bang))) if bang.as_char() == '!' => {
                            if let Some(TokenTree::Group(group)) = tokens.get(index + 2) {
                                self.macros.push((line, name.into(), compact(group.stream())));
                            }
                        }
                        _ => {}
                    }
                    if !is_punct(before, '.') || is_range(&tokens, index) {
                        let (segments, after) = segments(&tokens, index);
                        if segments.len() > 1 {
                            // What the last `::` leads to a macro is still one.
                            if let (true, Some(TokenTree::Group(group))) = (is_punct(tokens.get(after), '!'), tokens.get(after + 1)) {
                                let name = segments.last().cloned().unwrap_or_default();
                                self.macros.push((line, name, compact(group.stream())));
                            }
                        }
                        let is_called =
                            matches!(tokens.get(after), Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Parenthesis);
                        let is_defined = matches!(before, Some(TokenTree::Ident(word)) if *word == "fn");
                        let (called, inside) = (is_called && !is_defined, here.inside.clone());
                        self.paths.push(Path { line, segments, glob: false, in_test: here.in_test, called, inside });
                        index = after;
                        continue;
                    }
                }
                TokenTree::Punct(_) => {}
            }
            index += 1;
        }
    }

    /// Takes a `use` tree apart.
    fn bring_in(&mut self, tokens: &[TokenTree], prefix: &[String], place: &Place) {
        for branch in tokens.split(|token| is_punct(Some(token), ',')) {
            let mut segments = prefix.to_vec();
            let mut alias = None;
            let mut glob = false;
            let mut words = branch.iter().peekable();
            while let Some(token) = words.next() {
                match token {
                    TokenTree::Ident(word) if *word == "as" => alias = words.next().map(ToString::to_string),
                    // `{self}` is what stands before the braces.
                    TokenTree::Ident(word) if *word == "self" && !segments.is_empty() => {}
                    TokenTree::Ident(word) => segments.push(word.to_string()),
                    TokenTree::Punct(punct) if punct.as_char() == '*' => glob = true,
                    TokenTree::Group(group) => {
                        let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                        self.bring_in(&inner, &segments, place);
                        segments.clear();
                    }
                    TokenTree::Punct(_) | TokenTree::Literal(_) => {}
                }
            }
            let (Some(last), Some(token)) = (segments.last().cloned(), branch.first()) else { continue };
            if !glob {
                self.names.insert(alias.unwrap_or(last), segments.clone());
            }
            let line = token.span().start().line;
            self.paths.push(Path { line, segments, glob, in_test: place.in_test, called: false, inside: place.inside.clone() });
        }
    }
}

/// The text of a literal string, as written between its quotes.
pub(crate) fn string(literal: &str) -> Option<&str> {
    let rest = literal.trim_start_matches(['b', 'c', 'r']).trim_matches('#');
    rest.strip_prefix('"')?.strip_suffix('"')
}

/// The last segment of a path, what is in angle brackets left out.
pub(crate) fn last_segment(path: &str) -> &str {
    let path = path.split('<').next().unwrap_or(path);
    path.rsplit("::").next().unwrap_or(path).trim()
}

fn is_for_tests(attribute: &str) -> bool {
    attribute == "cfg(test)"
        || attribute.starts_with("cfg(all(test,")
        || last_segment(attribute.split('(').next().unwrap_or_default()) == "test"
}

fn is_punct(token: Option<&TokenTree>, sign: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == sign)
}

/// Whether the point before `index` is the second of `..`, so that no method follows.
fn is_range(tokens: &[TokenTree], index: usize) -> bool {
    index >= 2 && is_punct(tokens.get(index - 2), '.')
}

/// The path that begins at `index`, and the index behind it.
fn segments(tokens: &[TokenTree], mut index: usize) -> (Vec<String>, usize) {
    let mut segments = Vec::new();
    while let Some(TokenTree::Ident(word)) = tokens.get(index) {
        segments.push(word.to_string());
        index += 1;
        let goes_on = is_punct(tokens.get(index), ':') && is_punct(tokens.get(index + 1), ':');
        if !goes_on || !matches!(tokens.get(index + 2), Some(TokenTree::Ident(_))) {
            break;
        }
        index += 2;
    }
    (segments, index)
}

/// Tokens as text, spaces only where two words would grow together.
fn compact(stream: TokenStream) -> String {
    let mut text = String::new();
    for token in stream {
        let piece = match &token {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::None => ("", ""),
                };
                format!("{open}{}{close}", compact(group.stream()))
            }
            other => other.to_string(),
        };
        let is_word = |letter: char| letter.is_alphanumeric() || letter == '_';
        if text.ends_with(is_word) && piece.starts_with(is_word) {
            text.push(' ');
        }
        text.push_str(&piece);
    }
    text
}

fn braces(token: &TokenTree) -> Option<TokenStream> {
    match token {
        TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => Some(group.stream()),
        _ => None,
    }
}

/// What stands between `=` and `;` of an item that begins here.
fn value(tokens: &[TokenTree]) -> Option<String> {
    let end = tokens.iter().position(|token| is_punct(Some(token), ';'))?;
    let start = tokens[..end].iter().position(|token| is_punct(Some(token), '='))?;
    Some(compact(tokens[start + 1..end].iter().cloned().collect()))
}

/// The `impl … for …` that begins here.
fn read_impl(tokens: &[TokenTree]) -> Option<Impl> {
    let body_at = tokens.iter().position(|token| braces(token).is_some())?;
    let is_for = |token: &TokenTree| matches!(token, TokenTree::Ident(word) if *word == "for");
    let for_at = tokens[..body_at].iter().position(is_for)?;
    // `impl<T: Bound> Trait<A> for Type`: the trait is the last path before `for` that stands outside angle brackets.
    let (mut depth, mut of) = (0_i32, String::new());
    for token in &tokens[1..for_at] {
        match token {
            TokenTree::Punct(punct) if punct.as_char() == '<' => depth += 1,
            TokenTree::Punct(punct) if punct.as_char() == '>' => depth -= 1,
            TokenTree::Ident(word) if depth == 0 => of = word.to_string(),
            _ => {}
        }
    }
    let on: TokenStream = tokens[for_at + 1..body_at].iter().cloned().collect();
    let on = compact(on);
    let on = last_segment(on.split(" where ").next().unwrap_or(&on)).to_owned();
    let (mut consts, mut types) = (BTreeMap::new(), BTreeMap::new());
    let body: Vec<TokenTree> = braces(&tokens[body_at])?.into_iter().collect();
    for (index, token) in body.iter().enumerate() {
        if let (TokenTree::Ident(word), Some(TokenTree::Ident(name))) = (token, body.get(index + 1)) {
            let kept = if *word == "const" {
                &mut consts
            } else if *word == "type" {
                &mut types
            } else {
                continue;
            };
            if let Some(value) = value(&body[index..]) {
                kept.insert(name.to_string(), value);
            }
        }
    }
    Some(Impl { line: tokens[0].span().start().line, of, on, consts, types })
}

/// The variants of an enum under the names that serde gives them.
fn variants(body: TokenStream, serde: &str) -> Vec<String> {
    let all = parameter(serde, "rename_all");
    let tokens: Vec<TokenTree> = body.into_iter().collect();
    let mut variants = Vec::new();
    for variant in tokens.split(|token| is_punct(Some(token), ',')) {
        let (mut own, mut name) = (None, None);
        for (index, token) in variant.iter().enumerate() {
            match token {
                TokenTree::Group(group) if index > 0 && is_punct(variant.get(index - 1), '#') => {
                    let text = compact(group.stream());
                    if text.starts_with("serde(") {
                        own = parameter(&text, "rename").or(own);
                    }
                }
                TokenTree::Ident(word) if name.is_none() => name = Some(word.to_string()),
                _ => {}
            }
        }
        if let Some(name) = name {
            variants.push(own.unwrap_or_else(|| renamed(&name, all.as_deref())));
        }
    }
    variants
}

/// The text given to `name` in a `serde` attribute.
pub(crate) fn parameter(attribute: &str, name: &str) -> Option<String> {
    let (_, rest) = attribute.split_once(&format!("{name}=\""))?;
    rest.split('"').next().map(Into::into)
}

/// A variant's name under `#[serde(rename_all = "…")]`.
fn renamed(name: &str, all: Option<&str>) -> String {
    let apart = |sign: char| {
        let mut text = String::new();
        for letter in name.chars() {
            if letter.is_uppercase() && !text.is_empty() {
                text.push(sign);
            }
            text.extend(letter.to_lowercase());
        }
        text
    };
    match all {
        Some("camelCase") => name[..1].to_lowercase() + &name[1..],
        Some("lowercase") => name.to_lowercase(),
        Some("UPPERCASE") => name.to_uppercase(),
        Some("snake_case") => apart('_'),
        Some("kebab-case") => apart('-'),
        Some("SCREAMING_SNAKE_CASE") => apart('_').to_uppercase(),
        Some("SCREAMING-KEBAB-CASE") => apart('-').to_uppercase(),
        _ => name.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(text: &str) -> Vec<String> {
        let source = Source::read(text).unwrap();
        let show =
            |path: &Path| source.resolve(path, &["reserve".into(), "domain".into()]).1.join("::") + if path.glob { "::*" } else { "" };
        source.paths.iter().map(show).collect()
    }

    #[test]
    fn use_trees_are_taken_apart_and_names_resolved() {
        let found = paths("use std::{time::{Duration, Instant as Moment}, fs::{self, File}};");
        assert_eq!(found, ["std::time::Duration", "std::time::Instant", "std::fs", "std::fs::File"]);
        let found = paths("use super::super::room::api as rooms; fn f() { rooms::Added::new(); }");
        assert!(found.contains(&"room::api::Added::new".into()), "{found:?}");
        let found = paths("mod tests { use super::*; fn f() { crate::room::api::X; self::y::z } }");
        assert!(found.contains(&"reserve::domain::*".into()), "{found:?}");
        assert!(found.contains(&"reserve::domain::tests::y::z".into()), "{found:?}");
        assert!(found.contains(&"room::api::X".into()), "{found:?}");
    }

    #[test]
    fn comments_strings_and_methods_are_no_paths() {
        let found = paths("/// tokio::spawn\n// std::env\nfn f() { g(\"std::fs\"); a.sleep(); 0..end::of(x) }");
        assert!(!found.iter().any(|path| path.contains("std") || path.contains("tokio") || path == "sleep"), "{found:?}");
        assert!(found.contains(&"end::of".into()));
    }

    #[test]
    fn impls_give_their_constants_and_types() {
        let source = Source::read(
            "impl<T: kernel::Call> kernel::Saga for Starting<T> where T: X { const NAME: &'static str = \"start\"; type Call = crate::reserve::api::Start; fn f() {} }
             #[cfg(test)] mod tests { impl Saga for Toy { const NAME: &'static str = \"toy\"; } }
             impl Plain { const NAME: u8 = 1; }",
        )
        .unwrap();
        let [found] = &source.impls[..] else { panic!("{:?}", source.impls) };
        assert_eq!((found.of.as_str(), found.on.as_str(), found.line), ("Saga", "Starting", 1));
        assert_eq!(string(&found.consts["NAME"]), Some("start"));
        assert_eq!(last_segment(&found.types["Call"]), "Start");
    }

    #[test]
    fn enums_give_their_variants_as_written() {
        let source = Source::read(
            "#[derive(Serialize)] #[serde(tag = \"eventType\", rename_all = \"kebab-case\")]
             enum Event { /// one
                 ReserveMade { a: u8, b: u8 }, #[serde(rename = \"gone\")] Canceled(Inner), }",
        )
        .unwrap();
        assert_eq!(source.enums[0].variants, ["reserve-made", "gone"]);
        assert_eq!(parameter(&source.enums[0].serde, "tag").as_deref(), Some("eventType"));
    }

    #[test]
    fn modules_tell_who_may_name_them() {
        let source =
            Source::read("mod a; pub mod b; pub(crate) mod c; #[cfg(test)] mod tests { fn f() { std::thread::sleep(x) } }").unwrap();
        assert_eq!(source.mods.iter().map(|found| found.public).collect::<Vec<_>>(), [false, true, true, false]);
        assert!(source.paths.iter().any(|path| path.in_test && path.segments.last().unwrap() == "sleep"));
    }

    #[test]
    fn macros_are_seen_with_their_paths() {
        let source = Source::read("fn f() { tokio::select! { biased; a = b => {} } todo!() }").unwrap();
        assert_eq!(source.macros.iter().map(|(_, name, _)| name.as_str()).collect::<Vec<_>>(), ["select", "todo"]);
        assert!(source.macros[0].2.starts_with("biased;"));
    }
}
