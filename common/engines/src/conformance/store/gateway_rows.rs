//! Promises about rows about gateways.

use super::super::{Kept, ensure, ensure_eq};
use super::fixture::StoreFixture;

/// Only who knows a row as it is replaces it; what is done already is done.
pub async fn a_row_about_gateways_is_replaced_by_who_knows_it(at: &dyn StoreFixture) -> Result<(), String> {
    let store = at.store();
    let swap = async |from: Option<&str>, to: Option<&str>| {
        let answer = store.swap_gateway_row("set/a", from.map(str::as_bytes), to.map(str::as_bytes)).await;
        answer.kept("swapping a row")
    };
    let found = async || {
        let body = store.gateway_row("set/a").await.kept("reading a row")?;
        Ok::<_, String>(body.map(|body| String::from_utf8_lossy(&body).into_owned()))
    };
    ensure!(!swap(Some("one"), Some("two")).await?, "a row that is not there was replaced");
    ensure_eq!(found().await?, None, "a row nobody wrote");
    ensure!(swap(None, Some("one")).await?, "a new row was not written");
    ensure!(swap(None, Some("one")).await?, "writing it again was refused");
    ensure!(!swap(None, Some("other")).await?, "a row was taken for a new one");
    ensure!(!swap(Some("One"), Some("other")).await?, "a row that is otherwise was replaced");
    ensure_eq!(found().await?, Some("one".to_owned()), "the row");
    ensure!(swap(Some("one"), Some("two")).await?, "a row that is as expected was not replaced");
    ensure!(swap(Some("one"), Some("two")).await?, "replacing it again was refused");
    ensure!(!swap(Some("one"), None).await?, "a row that is otherwise was deleted");
    ensure!(swap(Some("two"), None).await?, "a row that is as expected was not deleted");
    ensure!(swap(Some("two"), None).await?, "deleting it again was refused");
    ensure_eq!(found().await?, None, "a row that was deleted");
    Ok(())
}

/// By name, those of a kind alone; bytes that are no text are kept as they are.
pub async fn rows_about_gateways_are_read_by_name(at: &dyn StoreFixture) -> Result<(), String> {
    let store = at.store();
    let body = [0, 255, 10, 13, 128];
    for name in ["set/b", "endpoints/b", "set/a", "se"] {
        store.swap_gateway_row(name, None, Some(&body)).await.kept("writing a row")?;
    }
    let rows = store.gateway_rows("set/").await.kept("reading rows")?;
    ensure_eq!(rows.iter().map(|row| row.name.as_str()).collect::<Vec<_>>(), ["set/a", "set/b"], "the rows of a kind");
    ensure!(rows.iter().all(|row| row.body == body), "a body is not as it was written");
    let there = at.reopened().await?.gateway_rows("").await.kept("reading rows after reopening")?;
    ensure_eq!(there.len(), 4, "rows after reopening");
    Ok(())
}

/// At the same time, too.
pub async fn only_one_of_many_replaces_a_row_about_gateways(at: &dyn StoreFixture) -> Result<(), String> {
    let store = at.store();
    let bodies: Vec<String> = (0..8).map(|n| format!("body {n}")).collect();
    let swap = |body: &String| {
        let body = body.clone();
        async move { store.swap_gateway_row("set/a", None, Some(body.as_bytes())).await.kept("swapping a row") }
    };
    let answers = futures::future::join_all(bodies.iter().map(swap)).await;
    let won = answers.into_iter().collect::<Result<Vec<bool>, String>>()?;
    ensure_eq!(won.iter().filter(|won| **won).count(), 1, "how many replaced it");
    let winner = won.iter().position(|won| *won).map(|n| bodies[n].clone().into_bytes());
    ensure_eq!(store.gateway_row("set/a").await.kept("reading it")?, winner, "the row");
    Ok(())
}
