//! What a statement carries beside its values, and what comes with its answer.
use std::net::{IpAddr, Ipv4Addr};
use std::ops::ControlFlow;

use futures::{StreamExt, TryStreamExt};
use scylla::client::session::Session;
use scylla::errors::{DbError, ExecutionError, PrepareError, RequestAttemptError};
use scylla::response::PagingState;
use scylla::statement::batch::{Batch, BatchType};
use scylla::statement::unprepared::Statement;
use scylla::statement::{Consistency, SerialConsistency};
use scylla::value::{Counter, CqlValue, Row};

use crate::checks::{holds, Failure, Outcome};
use crate::Suite;

const ROWS: i32 = 1000;

async fn keys(session: &Session, statement: &str, page: i32) -> Result<Vec<i32>, Failure> {
    let rows = session.query_iter(Statement::new(statement).with_page_size(page), ()).await?.rows_stream::<(i32,)>()?;
    Ok(rows.map_ok(|(key,)| key).try_collect().await?)
}

pub async fn paging(suite: &Suite) -> Outcome {
    suite.run(&["CREATE TABLE shop.paged (p int, k int, v text, PRIMARY KEY (p, k))"]).await?;
    let insert = suite.session.prepare("INSERT INTO shop.paged (p, k, v) VALUES (?, ?, 'xxxxxxxxxxxxxxxx')").await?;
    futures::stream::iter(0..ROWS)
        .map(|i| suite.session.execute_unpaged(&insert, (i % 7, i)))
        .buffer_unordered(64)
        .try_collect::<Vec<_>>()
        .await?;
    for page in [1, 37, 5000] {
        let mut found = keys(&suite.session, "SELECT k FROM shop.paged", page).await?;
        found.sort();
        assert_eq!(found, (0..ROWS).collect::<Vec<_>>());
    }
    assert_eq!(keys(&suite.session, "SELECT k FROM shop.paged LIMIT 120", 50).await?.len(), 120);
    assert_eq!(keys(&suite.session, "SELECT DISTINCT p FROM shop.paged", 2).await?.len(), 7);
    Ok(())
}

pub async fn page_resumed(suite: &Suite) -> Outcome {
    let statement = "SELECT k FROM shop.paged WHERE p = ? ORDER BY k DESC";
    let mut found = Vec::new();
    let mut state = PagingState::start();
    loop {
        // Another session for each page.
        let session = suite.builder().build().await?;
        let mut select = session.prepare(statement).await?;
        select.set_page_size(20);
        let (page, next) = session.execute_single_page(&select, (3,), state).await?;
        let page = page.into_rows_result()?;
        holds(page.rows_num() <= 20, "a page is no larger than asked for")?;
        for row in page.rows::<(i32,)>()? {
            found.push(row?.0);
        }
        match next.into_paging_control_flow() {
            ControlFlow::Break(()) => break,
            ControlFlow::Continue(more) => {
                state = PagingState::new_from_raw_bytes(more.as_bytes_slice().unwrap().to_vec())
            }
        }
    }
    assert_eq!(found, (0..ROWS).rev().filter(|key| key % 7 == 3).collect::<Vec<_>>());
    Ok(())
}

pub async fn batches(suite: &Suite) -> Outcome {
    suite.run(&["CREATE TABLE shop.batched (p int, k int, v text, PRIMARY KEY (p, k))"]).await?;
    let insert = suite.session.prepare("INSERT INTO shop.batched (p, k, v) VALUES (?, ?, ?)").await?;
    for (kind, name) in [(BatchType::Logged, "logged"), (BatchType::Unlogged, "unlogged")] {
        let mut batch = Batch::new(kind);
        (0..100).for_each(|_| batch.append_statement(insert.clone()));
        let values: Vec<_> = (0..100).map(|i| (i % 3, i, name)).collect();
        suite.session.batch(&batch, values).await?;
        assert_eq!(suite.row::<(i64,)>("SELECT count(*) FROM shop.batched", ()).await?.0, 100);
        assert_eq!(suite.row::<(String,)>("SELECT v FROM shop.batched WHERE p = 2 AND k = 2", ()).await?.0, name);
    }
    let mut mixed = Batch::new(BatchType::Logged);
    mixed.append_statement("DELETE FROM shop.batched WHERE p = 0");
    mixed.append_statement(insert);
    mixed.append_statement("UPDATE shop.batched SET v = ? WHERE p = 9 AND k = 10");
    mixed.set_timestamp(Some(4_000_000_000_000_000));
    suite.session.batch(&mixed, ((), (9, 9, "timed"), ("simple",))).await?;
    let found =
        suite.rows::<(i32, String, i64)>("SELECT k, v, writetime(v) FROM shop.batched WHERE p IN (0, 9)", ()).await?;
    let time = 4_000_000_000_000_000;
    assert_eq!(found, [(9, "timed".to_string(), time), (10, "simple".to_string(), time)]);
    Ok(())
}

pub async fn counters(suite: &Suite) -> Outcome {
    suite.run(&["CREATE TABLE shop.counted (id int PRIMARY KEY, n counter)"]).await?;
    let add = suite.session.prepare("UPDATE shop.counted SET n = n + ? WHERE id = ?").await?;
    for _ in 0..2 {
        let mut batch = Batch::new(BatchType::Counter);
        (0..2).for_each(|_| batch.append_statement(add.clone()));
        suite.session.batch(&batch, ((Counter(5), 1), (Counter(-2), 1))).await?;
    }
    assert_eq!(suite.row::<(Counter,)>("SELECT n FROM shop.counted WHERE id = 1", ()).await?.0, Counter(6));
    let mut wrong = Batch::new(BatchType::Logged);
    wrong.append_statement(add);
    let refused = suite.session.batch(&wrong, ((Counter(5), 1),)).await;
    holds(matches!(class(refused.map(|_| ()))?, DbError::Invalid), "counters in a logged batch")
}

/// What the server refused with.
fn class(outcome: Result<(), ExecutionError>) -> Result<DbError, Failure> {
    match outcome {
        Err(ExecutionError::LastAttemptError(RequestAttemptError::DbError(class, _))) => Ok(class),
        other => Err(format!("expected a refusal, got {other:?}").into()),
    }
}

type Lock = (bool, Option<i32>, Option<i32>, Option<String>);

pub async fn conditional(suite: &Suite) -> Outcome {
    suite.run(&["CREATE TABLE shop.locks (id int PRIMARY KEY, n int, owner text)"]).await?;
    let take = "INSERT INTO shop.locks (id, n, owner) VALUES (?, 0, ?) IF NOT EXISTS";
    let applied = Some(CqlValue::Boolean(true));
    assert_eq!(suite.row::<Row>(take, (1, "ann")).await?.columns[0], applied);
    assert_eq!(suite.row::<Lock>(take, (1, "bob")).await?, (false, Some(1), Some(0), Some("ann".to_string())));
    let mut pass =
        suite.session.prepare("UPDATE shop.locks SET owner = ?, n = 1 WHERE id = ? IF owner = ? AND n < ?").await?;
    pass.set_serial_consistency(Some(SerialConsistency::LocalSerial));
    let refused = suite.session.execute_unpaged(&pass, ("bob", 1, "carl", 5)).await?.into_rows_result()?;
    assert_eq!(refused.single_row::<(bool, String, i32)>()?, (false, "ann".to_string(), 0));
    let passed = suite.session.execute_unpaged(&pass, ("bob", 1, "ann", 5)).await?.into_rows_result()?;
    assert_eq!(passed.single_row::<Row>()?.columns[0], applied);
    for level in [Consistency::Serial, Consistency::LocalSerial] {
        let mut read = Statement::new("SELECT owner FROM shop.locks WHERE id = 1");
        read.set_consistency(level);
        let found = suite.session.query_unpaged(read, ()).await?.into_rows_result()?;
        assert_eq!(found.single_row::<(String,)>()?.0, "bob");
    }
    assert!(!suite.row::<(bool,)>("DELETE FROM shop.locks WHERE id = ? IF EXISTS", (7,)).await?.0);
    Ok(())
}

pub async fn conditional_batches(suite: &Suite) -> Outcome {
    suite
        .run(&[
            "CREATE TABLE shop.seats (show int, seat int, guest text, sold int static, PRIMARY KEY (show, seat))",
            "INSERT INTO shop.seats (show, sold) VALUES (1, 0)",
        ])
        .await?;
    let mut batch = Batch::new(BatchType::Logged);
    batch.append_statement("UPDATE shop.seats SET sold = ? WHERE show = ? IF sold = ?");
    batch.append_statement("INSERT INTO shop.seats (show, seat, guest) VALUES (?, ?, ?) IF NOT EXISTS");
    for applied in [true, false] {
        let found = suite.session.batch(&batch, ((1, 1, 0), (1, 5, "ann"))).await?.into_rows_result()?;
        assert_eq!(found.first_row::<Row>()?.columns[0], Some(CqlValue::Boolean(applied)));
    }
    Ok(())
}

pub async fn timestamps(suite: &Suite) -> Outcome {
    suite.run(&["CREATE TABLE shop.timed (id int PRIMARY KEY, v text)"]).await?;
    for (text, time) in [("late", 2_000_000_000_000_000), ("early", 1000)] {
        let mut insert = Statement::new(format!("INSERT INTO shop.timed (id, v) VALUES (1, '{text}')"));
        insert.set_timestamp(Some(time));
        suite.session.query_unpaged(insert, ()).await?;
    }
    let found = suite.row::<(String, i64)>("SELECT v, writetime(v) FROM shop.timed WHERE id = 1", ()).await?;
    assert_eq!(found, ("late".to_string(), 2_000_000_000_000_000));
    suite.execute("INSERT INTO shop.timed (id, v) VALUES (?, ?) USING TTL ?", (3, "mortal", 100)).await?;
    let (left,) = suite.row::<(i32,)>("SELECT ttl(v) FROM shop.timed WHERE id = 3", ()).await?;
    holds(left > 90 && left <= 100, "the time that is left")
}

pub async fn consistencies(suite: &Suite) -> Outcome {
    use Consistency::*;
    for level in [Any, One, Quorum, All, LocalQuorum, EachQuorum, LocalOne] {
        let mut insert = suite.session.prepare("INSERT INTO shop.timed (id, v) VALUES (4, ?)").await?;
        insert.set_consistency(level);
        suite.session.execute_unpaged(&insert, (format!("{level:?}"),)).await?;
        if matches!(level, Any | EachQuorum) {
            continue;
        }
        let mut select = suite.session.prepare("SELECT v FROM shop.timed WHERE id = 4").await?;
        select.set_consistency(level);
        let found = suite.session.execute_unpaged(&select, ()).await?.into_rows_result()?;
        assert_eq!(found.single_row::<(String,)>()?.0, format!("{level:?}"));
    }
    Ok(())
}

pub async fn tracing(suite: &Suite) -> Outcome {
    let here = IpAddr::V4(Ipv4Addr::LOCALHOST);
    for text in ["SELECT * FROM shop.paged WHERE p = 3", "INSERT INTO shop.timed (id, v) VALUES (5, 'traced')"] {
        let mut statement = Statement::new(text);
        statement.set_tracing(true);
        let traced = suite.session.query_unpaged(statement, ()).await?;
        let trace = suite.session.get_tracing_info(&traced.tracing_id().ok_or("no trace")?).await?;
        assert_eq!(trace.coordinator, Some(here));
        assert_eq!(trace.parameters.ok_or("no parameters")?["query"], text);
        holds(trace.duration.is_some_and(|us| us > 0) && trace.started_at.is_some(), "a trace has its time")?;
        holds(!trace.events.is_empty() && trace.events[0].activity.is_some(), "a trace has steps")?;
    }
    let mut traced = suite.session.prepare("SELECT v FROM shop.timed WHERE id = ?").await?;
    traced.set_tracing(true);
    let id = suite.session.execute_unpaged(&traced, (5,)).await?.tracing_id().ok_or("no trace")?;
    holds(
        !suite.session.get_tracing_info(&id).await?.events.is_empty(),
        "a traced statement that was prepared has steps",
    )
}

pub async fn errors(suite: &Suite) -> Outcome {
    for (statement, wanted) in [
        ("SELEKT 1", "SyntaxError"),
        ("SELECT * FROM shop.nowhere", "Invalid"),
        ("SELECT nope FROM shop.timed", "Invalid"),
        ("INSERT INTO shop.timed (v) VALUES ('x')", "Invalid"),
        ("SELECT * FROM shop.timed WHERE v = 'x'", "Invalid"),
        ("CREATE KEYSPACE odd WITH replication = {'class': 'NoSuchStrategy'}", "ConfigError"),
        ("CREATE TABLE shop.timed (id int PRIMARY KEY)", "AlreadyExists { keyspace: \"shop\", table: \"timed\" }"),
    ] {
        let refused = suite.session.query_unpaged(statement, ()).await.map(|_| ());
        assert_eq!(format!("{:?}", class(refused)?), wanted, "{statement}");
    }
    match suite.session.prepare("SELECT * FROM shop.nowhere WHERE id = ?").await {
        Err(PrepareError::AllAttemptsFailed {
            first_attempt: RequestAttemptError::DbError(DbError::Invalid, text),
        }) => holds(text.contains("nowhere"), "a refusal names what is not there"),
        other => Err(format!("expected a refusal, got {other:?}").into()),
    }
}
