//! What is found by an index, by nearness, or as JSON.
use std::collections::HashMap;

use scylla::serialize::row::SerializeRow;
use scylla::statement::unprepared::Statement;
use scylla::statement::Consistency;

use crate::checks::{eventually, holds, Failure, Outcome};
use crate::Suite;

async fn ids(suite: &Suite, statement: &str, values: impl SerializeRow) -> Result<Vec<i32>, Failure> {
    Ok(suite.rows::<(i32,)>(statement, values).await?.into_iter().map(|(id,)| id).collect())
}

async fn sorted_ids(suite: &Suite, statement: &str, values: impl SerializeRow) -> Result<Vec<i32>, Failure> {
    let mut found = ids(suite, statement, values).await?;
    found.sort();
    Ok(found)
}

pub async fn secondary_indexes(suite: &Suite) -> Outcome {
    suite
        .run(&[
            "CREATE TABLE shop.things (id int PRIMARY KEY, colour text, price int, tags set<text>, prices map<text, int>,
                v vector<float, 3>)",
            "CREATE INDEX ON shop.things (colour) USING 'sai'",
            "CREATE INDEX ON shop.things (price) USING 'sai'",
            "CREATE INDEX ON shop.things (tags) USING 'sai'",
            "CREATE INDEX ON shop.things (entries(prices)) USING 'sai'",
            "CREATE CUSTOM INDEX things_v ON shop.things (v) USING 'StorageAttachedIndex'
                WITH OPTIONS = {'similarity_function': 'euclidean'}",
        ])
        .await?;
    let insert = "INSERT INTO shop.things (id, colour, price, tags, prices, v) VALUES (?, ?, ?, ?, ?, ?)";
    for id in 0..60 {
        let colour = ["blue", "red"][id as usize % 2];
        let tags = [format!("t{}", id % 5), "all".to_string()];
        let prices = HashMap::from([("eur", id)]);
        suite.execute(insert, (id, colour, id * 10, tags.as_slice(), prices, vec![id as f32, 1.0, 0.0])).await?;
    }
    let by_both = "SELECT id FROM shop.things WHERE colour = ? AND price < ?";
    assert_eq!(sorted_ids(suite, by_both, ("red", 60)).await?, [1, 3, 5]);
    let by_tag = "SELECT id FROM shop.things WHERE tags CONTAINS ? AND price > ?";
    assert_eq!(sorted_ids(suite, by_tag, ("t3", 450)).await?, [48, 53, 58]);
    assert_eq!(ids(suite, "SELECT id FROM shop.things WHERE prices[?] = ?", ("eur", 33)).await?, [33]);
    suite.run(&["UPDATE shop.things SET colour = 'green' WHERE id = 1"]).await?;
    assert_eq!(sorted_ids(suite, by_both, ("red", 60)).await?, [3, 5]);
    Ok(())
}

const PLACE: [f32; 3] = [10.2, 1.0, 0.0];

pub async fn nearest_neighbours(suite: &Suite) -> Outcome {
    let nearest = "SELECT id FROM shop.things ORDER BY v ANN OF ? LIMIT ?";
    eventually(|| async { holds(ids(suite, nearest, (PLACE.as_slice(), 3)).await? == [10, 11, 9], "the nearest") })
        .await?;
    let filtered = "SELECT id FROM shop.things WHERE colour = ? AND price > ? ORDER BY v ANN OF ? LIMIT 3";
    assert_eq!(ids(suite, filtered, ("red", 100, PLACE.as_slice())).await?, [11, 13, 15]);
    let similarity = "SELECT similarity_euclidean(v, ?) FROM shop.things WHERE id = 10";
    let (score,) = suite.row::<(f32,)>(similarity, (PLACE.as_slice(),)).await?;
    assert!((score - 1.0 / 1.04).abs() < 1e-5, "{score}");
    suite.run(&["DELETE FROM shop.things WHERE id = 10"]).await?;
    assert_eq!(ids(suite, nearest, (PLACE.as_slice(), 2)).await?, [11, 9]);
    holds(
        suite.execute("SELECT id FROM shop.things ORDER BY v ANN OF [1, 2] LIMIT 3", ()).await.is_err(),
        "too few elements",
    )
}

pub async fn warnings(suite: &Suite) -> Outcome {
    let mut nearest =
        Statement::new("SELECT id FROM shop.things ORDER BY v ANN OF [1, 2, 3] LIMIT 20").with_page_size(5);
    nearest.set_consistency(Consistency::One);
    let (found, _) = suite.session.query_single_page(nearest, (), scylla::response::PagingState::start()).await?;
    let warnings: Vec<_> = found.warnings().collect();
    holds(
        warnings.len() == 1 && warnings[0].starts_with("Paging is not supported for Vector Search queries"),
        "a warning",
    )
}

pub async fn json(suite: &Suite) -> Outcome {
    suite
        .run(&["CREATE TABLE shop.documents (id int PRIMARY KEY, name text, parts list<int>, v vector<float, 2>)"])
        .await?;
    let document = "{\"id\": 1, \"name\": \"häß \\\"x\\\"\", \"parts\": [1, 2], \"v\": [0.5, -1.0]}";
    suite.execute("INSERT INTO shop.documents JSON ?", (document,)).await?;
    assert_eq!(suite.row::<(String,)>("SELECT JSON id, name, parts, v FROM shop.documents", ()).await?.0, document);
    Ok(())
}

pub async fn aggregates(suite: &Suite) -> Outcome {
    let statement = "SELECT count(*) AS n, min(price) AS low, sum(price), CAST(avg(price) AS double) AS mean
        FROM shop.things WHERE id IN ?";
    let found = suite.row::<(i64, i32, i32, f64)>(statement, (vec![1, 2, 3],)).await?;
    assert_eq!(found, (3, 10, 60, 20.0));
    Ok(())
}
