//! What the checks share: a check is a future; each prints one line, 'ok NAME' or 'FAIL NAME', and runs even if one
//! before it failed.
use std::error::Error;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use futures::FutureExt;

pub type Failure = Box<dyn Error + Send + Sync>;
pub type Outcome = Result<(), Failure>;

/// Whether `body` did what it should.
pub async fn passes(name: &str, body: impl Future<Output = Outcome>) -> bool {
    let failure = match AssertUnwindSafe(body).catch_unwind().await {
        Ok(Ok(())) => {
            println!("ok {name}");
            return true;
        }
        Ok(Err(error)) => format!("{error:?}"),
        // The hook has told what it was.
        Err(_) => "a check did not hold".to_string(),
    };
    println!("FAIL {name}\n    {}", failure.replace('\n', "\n    "));
    false
}

/// Returns once `body` gives no error any more.
pub async fn eventually<F: Future<Output = Outcome>>(mut body: impl FnMut() -> F) -> Outcome {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        match body().await {
            Ok(()) => return Ok(()),
            Err(error) if Instant::now() > deadline => return Err(error),
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

/// An error that says `what` unless `condition`.
pub fn holds(condition: bool, what: &str) -> Outcome {
    if condition {
        Ok(())
    } else {
        Err(what.into())
    }
}

/// Asks who owns the server; it answers with a line.
pub fn ask_runner(request: &str) -> Outcome {
    println!("{request}");
    std::io::stdin().read_line(&mut String::new())?;
    Ok(())
}
