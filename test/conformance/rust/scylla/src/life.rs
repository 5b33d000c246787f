//! Many requests at a time, and a server that changes or goes away under open sessions.
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use scylla::client::execution_profile::ExecutionProfile;
use scylla::policies::speculative_execution::SimpleSpeculativeExecutionPolicy;
use scylla::value::{CqlValue, Row};

use crate::checks::{ask_runner, eventually, holds, Failure, Outcome};
use crate::Suite;

const REQUESTS: i32 = 5000;
const IN_FLIGHT: usize = 256;

pub async fn many_in_flight(suite: &Suite) -> Outcome {
    suite.run(&["CREATE TABLE shop.flood (id int PRIMARY KEY, v text)"]).await?;
    let insert = suite.session.prepare("INSERT INTO shop.flood (id, v) VALUES (?, ?)").await?;
    let select = suite.session.prepare("SELECT v FROM shop.flood WHERE id = ?").await?;
    futures::stream::iter(0..REQUESTS)
        .map(|id| suite.session.execute_unpaged(&insert, (id, format!("v{id}"))))
        .buffer_unordered(IN_FLIGHT)
        .try_collect::<Vec<_>>()
        .await?;
    futures::stream::iter(0..REQUESTS)
        .map(|id| {
            let read = suite.session.execute_unpaged(&select, (id,));
            async move {
                let (found,) = read.await?.into_rows_result()?.single_row::<(String,)>()?;
                assert_eq!(found, format!("v{id}"));
                Ok::<(), Failure>(())
            }
        })
        .buffer_unordered(IN_FLIGHT)
        .try_collect::<Vec<_>>()
        .await?;
    Ok(())
}

pub async fn speculative_executions(suite: &Suite) -> Outcome {
    let policy = SimpleSpeculativeExecutionPolicy { max_retry_count: 3, retry_interval: Duration::from_millis(1) };
    let profile = ExecutionProfile::builder().speculative_execution_policy(Some(Arc::new(policy))).build();
    let eager = suite.builder().default_execution_profile_handle(profile.into_handle()).build().await?;
    let mut insert = eager.prepare("INSERT INTO shop.flood (id, v) VALUES (?, 'eager')").await?;
    insert.set_is_idempotent(true);
    futures::stream::iter(0..REQUESTS)
        .map(|id| eager.execute_unpaged(&insert, (id,)))
        .buffer_unordered(IN_FLIGHT)
        .try_collect::<Vec<_>>()
        .await?;
    let count = "SELECT count(*) FROM shop.flood WHERE v = 'eager' ALLOW FILTERING";
    assert_eq!(suite.row::<(i64,)>(count, ()).await?.0, REQUESTS as i64);
    Ok(())
}

pub async fn columns_added(suite: &Suite) -> Outcome {
    suite
        .run(&["CREATE TABLE shop.grown (id int PRIMARY KEY, a int)", "INSERT INTO shop.grown (id, a) VALUES (1, 1)"])
        .await?;
    let select = suite.session.prepare("SELECT * FROM shop.grown WHERE id = ?").await?;
    let read = || async {
        let found = suite.session.execute_unpaged(&select, (1,)).await?.into_rows_result()?;
        Ok::<Vec<Option<CqlValue>>, Failure>(found.single_row::<Row>()?.columns)
    };
    let one = Some(CqlValue::Int(1));
    assert_eq!(read().await?, [one.clone(), one.clone()]);
    suite.run(&["ALTER TABLE shop.grown ADD b int", "UPDATE shop.grown SET b = 2 WHERE id = 1"]).await?;
    assert_eq!(read().await?[..2], [one.clone(), one]);
    Ok(())
}

pub async fn table_dropped(suite: &Suite) -> Outcome {
    let select = suite.session.prepare("SELECT a FROM shop.grown WHERE id = ?").await?;
    suite.run(&["DROP TABLE shop.grown"]).await?;
    holds(suite.session.execute_unpaged(&select, (1,)).await.is_err(), "a table that is gone")?;
    suite
        .run(&["CREATE TABLE shop.grown (id int PRIMARY KEY, a int)", "INSERT INTO shop.grown (id, a) VALUES (1, 5)"])
        .await?;
    let found = suite.session.execute_unpaged(&select, (1,)).await?.into_rows_result()?;
    assert_eq!(found.single_row::<(i32,)>()?.0, 5);
    Ok(())
}

pub async fn restart(suite: &Suite) -> Outcome {
    suite.run(&["CREATE TABLE shop.kept (id int PRIMARY KEY, t text)"]).await?;
    let insert = suite.session.prepare("INSERT INTO shop.kept (id, t) VALUES (?, ?)").await?;
    suite.session.execute_unpaged(&insert, (1, "before")).await?;
    ask_runner("@restart")?;
    eventually(|| async {
        let (found,) = suite.row::<(String,)>("SELECT t FROM shop.kept WHERE id = 1", ()).await?;
        holds(found == "before", &found)
    })
    .await?;
    suite.session.execute_unpaged(&insert, (2, "after")).await?;
    assert_eq!(suite.rows::<(i32,)>("SELECT id FROM shop.kept", ()).await?.len(), 2);
    let other = suite.builder().build().await?;
    other.query_unpaged("ALTER TABLE shop.kept ADD more int", ()).await?;
    // The control connection is there again when the metadata are read anew.
    eventually(|| async {
        let state = suite.session.get_cluster_state();
        let kept = state.get_keyspace("shop").and_then(|keyspace| keyspace.tables.get("kept"));
        holds(kept.is_some_and(|table| table.columns.contains_key("more")), "no column")
    })
    .await
}

pub async fn crash(suite: &Suite) -> Outcome {
    let insert = suite.session.prepare("INSERT INTO shop.kept (id, t) VALUES (?, ?)").await?;
    let select = suite.session.prepare("SELECT t FROM shop.kept WHERE id = ?").await?;
    for id in 10..110 {
        suite.session.execute_unpaged(&insert, (id, format!("t{id}"))).await?;
    }
    ask_runner("@crash")?;
    let read = |id: i32| {
        let select = &select;
        async move {
            let found = suite.session.execute_unpaged(select, (id,)).await?.into_rows_result()?;
            let (text,) = found.single_row::<(String,)>()?;
            holds(text == format!("t{id}"), &text)
        }
    };
    eventually(|| read(10)).await?;
    for id in 10..110 {
        read(id).await?;
    }
    Ok(())
}
