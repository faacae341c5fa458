//! Chapters of the manual, done as they stand: their commands in order, in one shell, and what they say that these answer.
//!
//! A block of `sh` is run; the block of `text` behind it, if there is one, is what it answers. There `…` is any text, a line of
//! nothing else is any number of lines, and white space is as wide as it likes. A block ends with exit code 0, or with 1 if
//! the last thing it was told is a deny, or that something is held.

use std::{fs, path::Path};

use tempfile::TempDir;

use crate::support::{Server, root, said};

/// A line that no command prints, before the exit code of a block.
const END: &str = "--- end of block";

const PIPED: [&str; 2] = ["| head -1", "| head -2"];

#[derive(Debug, Default)]
struct Block {
    commands: String,
    answer: Option<String>,
}

/// The blocks of a page.
fn blocks(page: &str) -> Vec<Block> {
    let (mut blocks, mut lines) = (Vec::<Block>::new(), page.lines());
    while let Some(line) = lines.next() {
        let Some(language) = line.strip_prefix("```") else { continue };
        let text: Vec<_> = lines.by_ref().take_while(|line| *line != "```").collect();
        let text = text.join("\n");
        match language {
            "sh" => blocks.push(Block { commands: text, answer: None }),
            "text" => {
                let before = blocks.last_mut().expect("an answer comes after its commands");
                assert!(before.answer.replace(text).is_none(), "two answers to `{}`", before.commands);
            }
            other => panic!("a block of `{other}` is neither run nor compared"),
        }
    }
    blocks
}

/// What is done by whoever reads in another terminal, and with what that shows, is done by this test.
fn is_preparation(block: &Block) -> bool {
    block.commands == "prokura serve --memory" || block.commands.starts_with("export PROKURA_SERVER=")
}

fn words(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether the line is what the pattern says, in which `…` is any text.
fn line_fits(pattern: &str, line: &str) -> bool {
    match pattern.split_once('…') {
        None => pattern == line,
        Some((start, rest)) => line
            .strip_prefix(start)
            .is_some_and(|line| (0..=line.len()).filter_map(|at| line.get(at..)).any(|tail| line_fits(rest, tail))),
    }
}

/// Whether the lines are what the patterns say, of which `…` is any number of lines.
fn fits(patterns: &[String], lines: &[String]) -> bool {
    match patterns.split_first() {
        None => lines.is_empty(),
        Some((pattern, rest)) if pattern == "…" => (0..=lines.len()).any(|at| fits(rest, &lines[at..])),
        Some((pattern, rest)) => {
            lines.split_first().is_some_and(|(line, lines)| line_fits(pattern, line) && fits(rest, lines))
        }
    }
}

fn in_lines(text: &str) -> Vec<String> {
    text.lines().map(words).collect()
}

/// Runs the blocks in one shell; what each printed, and its exit code.
fn run(server: &Server, blocks: &[&Block]) -> Vec<(String, i32)> {
    let script: String = blocks
        .iter()
        .map(|block| format!("{{ {}\n}} 2>&1\ncode=$?; echo; echo '{END}' $code\n", block.commands))
        .collect();
    let binaries = Path::new(env!("CARGO_BIN_EXE_prokura")).parent().expect("a folder");
    let path = std::env::var("PATH").expect("a PATH");
    let home = TempDir::new().expect("a folder");
    let mut shell = std::process::Command::new("bash");
    shell
        .args(["-c", &script])
        .current_dir(root())
        .env("PATH", format!("{}:{path}", binaries.display()))
        .env("HOME", home.path())
        .env_remove("XDG_CONFIG_HOME")
        .env("NO_COLOR", "1")
        .env("PROKURA_SERVER", &server.url)
        .env("PROKURA_KEY", &server.key);
    let told = said(&mut shell).out;
    let mut ran = Vec::new();
    let mut rest = told.as_str();
    while let Some((printed, after)) = rest.split_once(END) {
        let (code, after) = after.split_once('\n').expect("a line");
        ran.push((printed.trim_end().to_owned(), code.trim().parse().expect("an exit code")));
        rest = after;
    }
    ran
}

/// Every command of a chapter answers what it says.
fn is_followed(chapter: &str) {
    let page = fs::read_to_string(root().join("docs/manual").join(chapter)).expect("readable");
    let blocks = blocks(&page);
    let commands: Vec<_> = blocks.iter().filter(|block| !is_preparation(block)).collect();
    assert_eq!(blocks.len(), commands.len() + 2, "a server is started, and the shell is told where it is");
    let ran = run(&Server::in_memory(), &commands);
    assert_eq!(ran.len(), commands.len(), "not every block was run: {ran:?}");
    for (Block { commands, answer }, (printed, code)) in commands.into_iter().zip(ran) {
        let answer = answer.as_ref().unwrap_or_else(|| panic!("what does this answer?\n{commands}"));
        assert!(
            fits(&in_lines(answer), &in_lines(&printed)),
            "\n{commands}\n\nshould answer\n\n{answer}\n\nand answers\n\n{printed}\n"
        );
        // Behind a pipe it is the code of what cuts the answer short.
        let said = |line: &&str| ["allow ", "deny ", "held "].iter().any(|word| line.starts_with(word));
        let last = printed.lines().rfind(said);
        let not_allowed =
            last.is_some_and(|line| !line.starts_with("allow ")) && !PIPED.iter().any(|end| commands.ends_with(end));
        assert_eq!(code, i32::from(not_allowed), "\n{commands}\n\nanswers\n\n{printed}\n");
    }
}

#[test]
fn every_command_of_the_chapter_on_agents_answers_what_it_says() {
    is_followed("agents.md");
}

#[test]
fn every_command_of_the_chapter_on_approvals_answers_what_it_says() {
    is_followed("approvals.md");
}

#[test]
fn an_answer_fits_only_what_it_says() {
    for (pattern, text, right) in [
        ("allow  agent", "allow agent", true),
        ("allow agent", "allow agents", false),
        ("task t-…", "task t-0193", true),
        ("task t-…", "task d-0193", false),
        ("a … c …", "a b c", false),
        ("a … c …", "a b c d", true),
        ("one\n…", "one", true),
        ("one\n…\nthree", "one\ntwo\ntwo\nthree", true),
        ("one\n…\nthree", "one\ntwo", false),
        ("one", "one\ntwo", false),
        ("{…\"x\"…}", "{\"id\":\"x\",\"y\":1}", true),
    ] {
        assert_eq!(fits(&in_lines(pattern), &in_lines(text)), right, "{pattern:?} {text:?}");
    }
}
