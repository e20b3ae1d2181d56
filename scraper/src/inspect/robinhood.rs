//! Robinhood's bodies in the words of an [`Inspection`].

use std::collections::BTreeSet;

use super::read::{add_dates, add_rows, failed, started};
use super::{Inspection, Kind, RefusedRows, Verdict};
use crate::parse_error::excerpt;
use crate::vendors::robinhood::parse;
use crate::vendors::row::Notes;

pub fn chains(bytes: &[u8]) -> Inspection {
    let chains = match parse::chains(bytes) {
        Ok(chains) => chains,
        Err(error) => return failed(Kind::RobinhoodChains, &error),
    };
    let live = chains.iter().filter(|chain| !chain.expirations.is_empty()).count();
    let adjusted = chains.iter().filter(|chain| !chain.is_standard).count();
    let (verdict, detail) = match live {
        0 => (Verdict::NoOptions, format!("{} chains, none with an expiration", chains.len())),
        _ => (Verdict::Understood, format!("{} chains, {live} of them with expirations", chains.len())),
    };
    let mut inspection = started(Kind::RobinhoodChains, verdict, chains.len(), detail);
    if adjusted > 0 {
        inspection.facts.insert("adjusted", adjusted.to_string());
    }
    if let [chain] = chains.as_slice() {
        inspection.facts.insert("symbol", chain.symbol.clone());
        add_dates(&mut inspection, &chain.expirations, None, None);
    }
    inspection
}

pub fn instruments(bytes: &[u8]) -> Inspection {
    let page = match parse::contracts(bytes) {
        Ok(page) => page,
        Err(error) => return failed(Kind::RobinhoodInstruments, &error),
    };
    let (verdict, detail) = match page.contracts.len() {
        0 => (Verdict::NoOptions, "a page without contracts".to_owned()),
        n => (Verdict::Understood, format!("{n} contracts with their ids")),
    };
    let mut inspection = started(Kind::RobinhoodInstruments, verdict, page.contracts.len(), detail);
    let roots: BTreeSet<String> = page.contracts.iter().map(|listed| listed.symbol.root.to_string()).collect();
    if !roots.is_empty() {
        inspection.facts.insert("roots", excerpt(&roots.into_iter().collect::<Vec<_>>().join(", ")));
    }
    let days: BTreeSet<_> = page.contracts.iter().map(|listed| listed.symbol.expiration).collect();
    add_dates(&mut inspection, &days.into_iter().collect::<Vec<_>>(), None, None);
    inspection.facts.insert("another_page", if page.next.is_some() { "yes" } else { "no" }.to_owned());
    add_rows(&mut inspection, &page.refused, &Notes::default());
    inspection
}

pub fn marks(bytes: &[u8]) -> Inspection {
    let reading = match parse::read_marks(bytes) {
        Ok(reading) => reading,
        Err(error) => return failed(Kind::RobinhoodMarks, &error),
    };
    let quoted = reading.rows.iter().filter(|mark| mark.bid.is_some() && mark.bid < mark.ask).count();
    let (verdict, detail) = match reading.rows.len() {
        0 => (Verdict::NoOptions, "no mark of any contract".to_owned()),
        n => (Verdict::Understood, format!("{n} marks, {quoted} of them with a bid below an ask")),
    };
    let mut inspection = started(Kind::RobinhoodMarks, verdict, reading.rows.len(), detail);
    if reading.unknown > 0 {
        inspection.facts.insert("unknown_contracts", reading.unknown.to_string());
    }
    if reading.rows.iter().any(|mark| mark.symbol.is_none()) {
        let why = "some marks do not name their contract; a scan knows it by the id it asked for";
        inspection.facts.insert("contracts", why.to_owned());
    }
    add_rows(&mut inspection, &reading.refused, &reading.notes);
    add_dates(&mut inspection, &[], reading.rows.iter().filter_map(|mark| mark.updated_at).max(), None);
    inspection
}

pub fn historicals(bytes: &[u8]) -> Inspection {
    let reading = match parse::read_bars(bytes) {
        Ok(reading) => reading,
        Err(error) => return failed(Kind::RobinhoodHistoricals, &error),
    };
    let interval = reading.interval.as_deref().filter(|word| !word.is_empty()).unwrap_or("unknown interval");
    let (verdict, detail) = match reading.bars.first().zip(reading.bars.last()) {
        None if reading.rows == 0 => (Verdict::NoBars, "the range holds no bars".to_owned()),
        None => (
            Verdict::NoBars,
            format!(
                "none of {} points is a bar, {} of them filled in by the vendor",
                reading.rows, reading.interpolated
            ),
        ),
        Some((first, last)) => {
            (Verdict::Understood, format!("bars of {interval} from {} to {}", first.date, last.date))
        }
    };
    let mut inspection = started(Kind::RobinhoodHistoricals, verdict, reading.bars.len(), detail);
    if let Some(symbol) = &reading.symbol {
        inspection.facts.insert("symbol", symbol.clone());
    }
    if interval != "day" && verdict == Verdict::Understood {
        inspection.facts.insert("read_by_a_scan", "no, a scan reads daily bars".to_owned());
    }
    inspection.facts.insert("rows_in_body", reading.rows.to_string());
    let refused = [
        ("interpolated", reading.interpolated),
        ("incomplete", reading.incomplete),
        ("repeated_date", reading.repeated),
    ];
    for (reason, rows) in refused.into_iter().filter(|(_, rows)| *rows > 0) {
        inspection.refused.insert(reason, RefusedRows { rows: u64::from(rows), examples: Vec::new() });
    }
    inspection
}
