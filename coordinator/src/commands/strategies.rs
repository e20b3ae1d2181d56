//! `strategies`: what strategies there are, which of them run, and what each wants to know; of one that is named, its settings.

use fleet_telemetry::say;
use serde::Serialize;

use fleet_analysis::strategy::{Needs, Role, Strategy};

use crate::args::{Format, Global, StrategiesArgs};
use crate::commands::context;
use crate::config::{Described, described};
use crate::failure::{Exit, Failure};
use crate::output;
use crate::price::lines::shown;
use crate::report::SCHEMA;
use crate::report::csv::line;
use crate::report::layout::wrap;

/// JSON of the list.
#[derive(Debug, Serialize)]
struct StrategyList {
    schema: u32,
    strategies: Vec<StrategyRow>,
}

/// One strategy under the configuration in force.
#[derive(Debug, Serialize)]
struct StrategyRow {
    /// Its code in notices and tables.
    code: &'static str,
    /// Its table is `[strategies.<name>]`.
    name: &'static str,
    enabled: bool,
    looks_for: &'static str,
    /// Calendar days to expiration, from and to.
    dte: [i32; 2],
    /// What it asks vendors and the store for.
    needs: Vec<String>,
    /// Where it enters and when it leaves.
    plan: String,
    /// Its settings in force, where it was named.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    settings: Vec<Described>,
}

/// Prints the list.
pub fn run(global: &Global, args: &StrategiesArgs) -> Result<Exit, Failure> {
    let resolved = context::configure(global, Vec::new())?;
    let config = &resolved.settings.analysis;
    let row = |strategy: &dyn Strategy| {
        let card = strategy.card();
        let plan = match card.role {
            Role::Signal => strategy.rules(config).words(),
            Role::Control => "that of oversold_call; never told of".to_owned(),
        };
        let (code, name, looks_for) = (card.code, card.name, card.looks_for);
        let (enabled, dte, needs) = (strategy.enabled(), strategy.dte(), needs(strategy.needs()));
        StrategyRow { code, name, enabled, looks_for, dte, needs, plan, settings: Vec::new() }
    };
    let mut strategies: Vec<StrategyRow> = config.strategies.each().into_iter().map(row).collect();
    if let Some(named) = &args.name {
        strategies = vec![one(strategies, named)?];
        let all = described(&resolved);
        for row in &mut strategies {
            let table = format!("strategies.{}.", row.name);
            row.settings = all.iter().filter(|setting| setting.key.starts_with(&table)).cloned().collect();
        }
    }
    let text = match global.format {
        Format::Json => output::json(&StrategyList { schema: SCHEMA, strategies })?,
        Format::Csv => csv(&strategies),
        Format::Table => table(&strategies),
    };
    output::print(&text)?;
    if !global.quiet {
        say!(
            "to switch one on: `enabled = true` in [strategies.<name>], or OPTIONFLEET_STRATEGIES__<NAME>__ENABLED=true"
        );
    }
    Ok(Exit::Done)
}

/// The one that was named, by its name or its code, in whatever case.
fn one(strategies: Vec<StrategyRow>, named: &str) -> Result<StrategyRow, Failure> {
    let all: Vec<String> = strategies.iter().map(|row| format!("{} ({})", row.name, row.code)).collect();
    let is_named = |row: &StrategyRow| named.eq_ignore_ascii_case(row.name) || named.eq_ignore_ascii_case(row.code);
    strategies
        .into_iter()
        .find(is_named)
        .ok_or_else(|| Failure::usage(format!("there is no strategy `{}`; there are {}", shown(named), all.join(", "))))
}

fn needs(needs: Needs) -> Vec<String> {
    let wants = [
        needs.own_bars.then(|| "the contract's bars".to_owned()),
        needs.volatilities.then(|| "volatilities of the chain".to_owned()),
        needs.history_sessions.map(|sessions| format!("{sessions} sessions of IV history")),
        needs.earnings.then(|| "known earnings dates".to_owned()),
    ];
    wants.into_iter().flatten().collect()
}

fn table(strategies: &[StrategyRow]) -> String {
    let mut text = String::new();
    for row in strategies {
        let state = if row.enabled { "on" } else { "off" };
        let [from, to] = row.dte;
        text += &format!("{:<4} {:<20} {state:<4} {from} to {to} days\n", row.code, row.name);
        text += &wrap(&format!("     {}", row.looks_for), 5);
        if !row.needs.is_empty() {
            text += &wrap(&format!("     needs {}", row.needs.join(", ")), 11);
        }
        text += &wrap(&format!("     plan: {}", row.plan), 11);
        for Described { key, value, origin } in &row.settings {
            let origin = if origin == "default" { String::new() } else { format!("   # {origin}") };
            text += &format!("     {key} = {value}{origin}\n");
        }
    }
    text
}

fn csv(strategies: &[StrategyRow]) -> String {
    strategies.iter().fold("code,name,enabled,dte_from,dte_to,looks_for,needs,plan\r\n".to_owned(), |text, row| {
        text + &line(&[
            row.code.to_owned(),
            row.name.to_owned(),
            row.enabled.to_string(),
            row.dte[0].to_string(),
            row.dte[1].to_string(),
            row.looks_for.to_owned(),
            row.needs.join("; "),
            row.plan.clone(),
        ])
    })
}
