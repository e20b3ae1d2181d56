//! Lines of a text that may be endless: bounded, numbered, and split into fields.

use std::io::{self, BufRead, Read as _};

/// The longest line, bytes. A row of every column has some three hundred.
pub const MAX_LINE: usize = 65_536;

/// The longest field that is told as it is, characters.
const MAX_SHOWN: usize = 40;

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its number, from 1.
    pub number: u64,
    /// Its text without the line's end, or why it has none.
    pub text: Result<String, &'static str>,
}

/// Reads lines; blank ones are passed over.
#[derive(Debug)]
pub struct Lines<R> {
    reader: R,
    number: u64,
    bytes: Vec<u8>,
}

impl<R: BufRead> Lines<R> {
    /// From the beginning.
    pub fn new(reader: R) -> Self {
        Self { reader, number: 0, bytes: Vec::new() }
    }

    /// The next line that is not blank; `None` at the end.
    pub fn next_line(&mut self) -> io::Result<Option<Line>> {
        loop {
            self.bytes.clear();
            let read = self.reader.by_ref().take(MAX_LINE as u64 + 1).read_until(b'\n', &mut self.bytes)?;
            if read == 0 {
                return Ok(None);
            }
            self.number += 1;
            if read > MAX_LINE && self.bytes.last() != Some(&b'\n') {
                self.skip_rest()?;
                return Ok(Some(Line { number: self.number, text: Err("the line has more than 65,536 bytes") }));
            }
            match std::str::from_utf8(&self.bytes) {
                Ok(text) => {
                    let text = if self.number == 1 { text.trim_start_matches('\u{feff}') } else { text };
                    if !text.trim().is_empty() {
                        let text = text.trim_end_matches(['\n', '\r']).to_owned();
                        return Ok(Some(Line { number: self.number, text: Ok(text) }));
                    }
                }
                Err(_) => return Ok(Some(Line { number: self.number, text: Err("the line is no UTF-8 text") })),
            }
        }
    }

    fn skip_rest(&mut self) -> io::Result<()> {
        loop {
            let buffered = self.reader.fill_buf()?;
            let (used, ended) = match buffered.iter().position(|byte| *byte == b'\n') {
                Some(at) => (at + 1, true),
                None => (buffered.len(), buffered.is_empty()),
            };
            self.reader.consume(used);
            if ended {
                return Ok(());
            }
        }
    }
}

/// The fields of a CSV line (RFC 4180, but a field holds no line break), blanks around them removed.
///
/// # Errors
/// A quotation mark that is not closed, or text behind one.
pub fn fields(line: &str) -> Result<Vec<String>, &'static str> {
    let mut fields = Vec::new();
    let mut rest = line;
    loop {
        let (field, behind) = match rest.trim_start().strip_prefix('"') {
            Some(quoted) => quoted_field(quoted)?,
            None => {
                let end = rest.find(',').unwrap_or(rest.len());
                (rest[..end].trim().to_owned(), &rest[end..])
            }
        };
        fields.push(field);
        match behind.strip_prefix(',') {
            Some(more) => rest = more,
            None => return Ok(fields),
        }
    }
}

/// The field whose first quotation mark was read, and what stands behind it: nothing, or a comma first.
fn quoted_field(text: &str) -> Result<(String, &str), &'static str> {
    let mut field = String::new();
    let mut rest = text;
    loop {
        let end = rest.find('"').ok_or("a quotation mark is not closed in its line")?;
        field += &rest[..end];
        rest = &rest[end + 1..];
        match rest.strip_prefix('"') {
            Some(more) => {
                field.push('"');
                rest = more;
            }
            None => break,
        }
    }
    let behind = rest.trim_start();
    if behind.is_empty() || behind.starts_with(',') {
        Ok((field, behind))
    } else {
        Err("text stands behind a quotation mark")
    }
}

/// What a message shows of a field: its beginning, nothing that would move a terminal's cursor.
#[must_use]
pub fn shown(field: &str) -> String {
    field.chars().take(MAX_SHOWN).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(bytes: &[u8]) -> Vec<Line> {
        // A tiny buffer, so that every line is put together of many reads.
        let mut lines = Lines::new(io::BufReader::with_capacity(7, bytes));
        std::iter::from_fn(|| lines.next_line().unwrap()).collect()
    }

    #[test]
    fn lines_are_numbered_as_an_editor_does() {
        let read = lines(b"\xef\xbb\xbfa,b\r\n\n  \r\n1,2\n\xff\n3");
        let told: Vec<(u64, Result<&str, &str>)> =
            read.iter().map(|line| (line.number, line.text.as_deref().map_err(|why| *why))).collect();
        assert_eq!(told, [(1, Ok("a,b")), (4, Ok("1,2")), (5, Err("the line is no UTF-8 text")), (6, Ok("3"))]);
    }

    #[test]
    fn a_line_without_end_is_refused_and_passed_over() {
        let long = "x".repeat(MAX_LINE);
        let read = lines(format!("{long}\n{long}y\n{long}{long}{long}\nlast").as_bytes());
        let lengths: Vec<Result<usize, &str>> =
            read.iter().map(|line| line.text.as_ref().map(String::len).map_err(|why| *why)).collect();
        let refused = Err("the line has more than 65,536 bytes");
        assert_eq!(lengths, [Ok(MAX_LINE), refused, refused, Ok(4)]);
        assert_eq!(read[3].number, 4);
    }

    #[test]
    fn fields_may_be_quoted() {
        let read = |line: &str| fields(line).unwrap();
        assert_eq!(read("a, b ,,"), ["a", "b", "", ""]);
        assert_eq!(read(r#""a,b" , "say ""x""",c"#), ["a,b", "say \"x\"", "c"]);
        assert_eq!(read(""), [""]);
        assert_eq!(fields(r#"a,"b"#), Err("a quotation mark is not closed in its line"));
        assert_eq!(fields(r#""a"b,c"#), Err("text stands behind a quotation mark"));
    }
}
