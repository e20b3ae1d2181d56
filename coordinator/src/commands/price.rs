//! `price`: option prices, implied volatilities and greeks, of a CSV file or of values given as flags. It needs no store, no
//! network and no configuration.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use crate::args::{Format, Global, PriceArgs};
use crate::failure::{Exit, Failure};
use crate::output::{self, Stream};
use crate::price::BLOCK;
use crate::price::answer::{Reason, answers};
use crate::price::contract::{self, Contract};
use crate::price::heading::{Heading, Input, Texts};
use crate::price::lines::Lines;
use crate::price::setting::{self, Setting};
use crate::price::written::{Told, Writing, single};

/// Prints the answers.
pub fn run(global: &Global, args: &PriceArgs) -> Result<Exit, Failure> {
    let setting = setting(args)?;
    let fixed = fixed(args);
    match args.contracts.as_deref() {
        None if fixed.is_empty() => {
            let hint = "name a CSV file, - for standard input, or give the values as flags; `optionfleet price --help` shows each";
            Err(Failure::usage("nothing is given to price").hint(hint))
        }
        None => one(global.format, &fixed, &setting),
        Some(path) if path == Path::new("-") => {
            many(global.format, io::stdin().lock(), "standard input", &fixed, &setting)
        }
        Some(path) => {
            let name = path.display().to_string();
            let file = File::open(path).map_err(|error| Failure::usage(format!("cannot read {name}: {error}")))?;
            many(global.format, file, &name, &fixed, &setting)
        }
    }
}

fn setting(args: &PriceArgs) -> Result<Setting, Failure> {
    let as_of = args.as_of.unwrap_or_else(jiff::Timestamp::now);
    let dividends = args.dividends.iter().map(|text| setting::dividend(text, as_of));
    let dividends =
        dividends.collect::<Result<Vec<_>, _>>().map_err(|why| Failure::usage(format!("--dividend: {why}")))?;
    Ok(Setting { as_of, tick: args.tick, dividends })
}

/// What flags say of every row.
fn fixed(args: &PriceArgs) -> Texts {
    let PriceArgs { symbol, kind, style, root, spot, forward, strike, .. } = args;
    let PriceArgs { years, expiration, vol, price, rate, yield_, .. } = args;
    let mut texts = Texts::default();
    for (input, text) in [
        (Input::Symbol, symbol),
        (Input::Kind, kind),
        (Input::Style, style),
        (Input::Root, root),
        (Input::Spot, spot),
        (Input::Forward, forward),
        (Input::Strike, strike),
        (Input::Years, years),
        (Input::Expiration, expiration),
        (Input::Vol, vol),
        (Input::Price, price),
        (Input::Rate, rate),
        (Input::Yield, yield_),
    ] {
        texts.set(input, text.as_deref().unwrap_or_default());
    }
    texts
}

/// The contract the flags describe. There is no row that could be told beside others: what is wrong is wrong usage.
fn one(format: Format, fixed: &Texts, setting: &Setting) -> Result<Exit, Failure> {
    let contract = contract::read(fixed, setting).map_err(Failure::usage)?;
    let Some(answer) = answers(&[contract], setting).pop() else { return Ok(Exit::Done) };
    if let Some(Reason::Refused(why)) = &answer.reason {
        return Err(Failure::usage(why.clone()));
    }
    output::print(&single(format, &contract, &answer))?;
    Ok(Exit::Done)
}

/// What was passed over in a file.
#[derive(Default)]
struct Count {
    rows: u64,
    refused: u64,
    /// Line and reason.
    first: Option<(u64, String)>,
}

fn many(format: Format, reader: impl Read, name: &str, fixed: &Texts, setting: &Setting) -> Result<Exit, Failure> {
    let unreadable = |why: &dyn std::fmt::Display| Failure::usage(format!("cannot read {name}: {why}"));
    let mut lines = Lines::new(BufReader::with_capacity(1 << 16, reader));
    let first = lines.next_line().map_err(|error| unreadable(&error))?;
    let first = first.ok_or_else(|| unreadable(&crate::price::heading::HeadingError::Empty))?;
    let first = first.text.map_err(|why| unreadable(&why))?;
    let heading = Heading::read(&first, fixed).map_err(|error| unreadable(&error))?;
    let mut writing = Writing::new(format, heading.others());
    let mut out = Stream::new();
    if !out.write(&writing.heading())? {
        return Ok(Exit::Done);
    }
    let mut count = Count::default();
    loop {
        let (block, ended) = block(&mut lines, &heading, setting).map_err(|error| unreadable(&error))?;
        for row in priced(block, setting) {
            count.note(&row);
            if !out.write(&writing.row(&row))? {
                return Ok(Exit::Done);
            }
        }
        if ended {
            break;
        }
    }
    if !out.write(writing.end())? || !out.flush()? {
        return Ok(Exit::Done);
    }
    count.exit(name)
}

/// A row that was read: a contract, or why it is none.
struct Asked {
    line: u64,
    others: Vec<String>,
    contract: Result<Contract, String>,
}

/// The next rows, and whether they are the last.
fn block<R: BufRead>(lines: &mut Lines<R>, heading: &Heading, setting: &Setting) -> io::Result<(Vec<Asked>, bool)> {
    let mut rows = Vec::new();
    while rows.len() < BLOCK {
        let Some(line) = lines.next_line()? else { return Ok((rows, true)) };
        let row = line.text.map_err(str::to_owned).and_then(|text| heading.row(&text));
        rows.push(match row {
            Ok(row) => Asked { line: line.number, others: row.others, contract: contract::read(&row.texts, setting) },
            Err(why) => Asked { line: line.number, others: Vec::new(), contract: Err(why) },
        });
    }
    Ok((rows, false))
}

fn priced(block: Vec<Asked>, setting: &Setting) -> impl Iterator<Item = Told> {
    let contracts: Vec<Contract> = block.iter().filter_map(|row| row.contract.as_ref().ok().copied()).collect();
    let mut answers = answers(&contracts, setting).into_iter();
    block.into_iter().map(move |Asked { line, others, contract }| {
        let told = contract.and_then(|contract| {
            let answer = answers.next().ok_or("no answer")?;
            Ok((contract, answer))
        });
        Told { line: Some(line), others, told }
    })
}

impl Count {
    fn note(&mut self, row: &Told) {
        self.rows += 1;
        let refused = match &row.told {
            Err(why) => Some(why),
            Ok((_, answer)) => match &answer.reason {
                Some(Reason::Refused(why)) => Some(why),
                Some(Reason::Known(_)) | None => None,
            },
        };
        if let Some(why) = refused {
            self.refused += 1;
            if self.first.is_none() {
                self.first = Some((row.line.unwrap_or_default(), why.clone()));
            }
        }
    }

    fn exit(self, name: &str) -> Result<Exit, Failure> {
        let Some((line, why)) = self.first else { return Ok(Exit::Done) };
        let (refused, rows) = (self.refused, self.rows);
        let message =
            format!("{refused} of {rows} rows of {name} could not be priced; the first is line {line}: {why}");
        Err(Failure { exit: Exit::Incomplete, message, hint: None })
    }
}
