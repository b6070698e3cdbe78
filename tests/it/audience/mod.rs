//! Lists: what comes out of a good file, and what is said of a bad one.

mod addresses;
mod broken_files;
mod command;
mod csv_files;
mod extras;
mod inline;
mod json;
mod json_broken;
mod json_round_trip;
mod mentioned;
mod moments;
mod round_trip;

use std::path::{Path, PathBuf};

use postroom::audience::{CsvFile, List, ListError, Recipient, Row, Source};
use serde_json::Map;
use tempfile::TempDir;

/// A list file in a folder of its own.
struct Csv {
    list: List,
    folder: TempDir,
}

impl Csv {
    fn new(content: impl AsRef<[u8]>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("people.csv");
        std::fs::write(&path, content).unwrap();
        Self {
            list: list(&path),
            folder,
        }
    }

    fn with(mut self, change: impl FnOnce(&mut List)) -> Self {
        change(&mut self.list);
        self
    }

    fn encoded(self, label: &str) -> Self {
        let encoding = encoding_rs::Encoding::for_label(label.as_bytes()).unwrap();
        self.with(|list| file(list).encoding = Some(encoding))
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("people.csv")
    }

    /// Every row; the list must be sound.
    fn rows(&self) -> Vec<Row> {
        self.list
            .read()
            .map_err(|error| error.to_string())
            .unwrap()
            .map(Result::unwrap)
            .collect()
    }

    /// The recipients of the good rows.
    fn people(&self) -> Vec<Recipient> {
        self.rows()
            .into_iter()
            .map(|row| row.recipient.unwrap())
            .collect()
    }

    /// What is said of the list as a whole, on opening it or at any row.
    fn error(&self) -> ListError {
        match self.list.read() {
            Err(error) => error,
            Ok(mut rows) => {
                let error = rows.find_map(Result::err).expect("the list is refused");
                assert!(rows.next().is_none(), "there are no rows after an error");
                error
            }
        }
    }

    /// The same, with the folder's name taken out.
    fn said(&self) -> String {
        said(&self.error(), self.folder.path())
    }
}

fn said(error: &ListError, folder: &Path) -> String {
    error
        .to_string()
        .replace(&format!("{}/", folder.display()), "")
}

fn list(path: &Path) -> List {
    List {
        name: "people".to_owned(),
        source: Source::Csv(CsvFile {
            path: path.to_owned(),
            encoding: None,
            separator: None,
        }),
        address_column: "email".to_owned(),
        name_column: None,
        optional: Vec::new(),
        max_change: None,
        max_age: None,
        fields: Map::new(),
        defaults: Map::new(),
    }
}

fn file(list: &mut List) -> &mut CsvFile {
    match &mut list.source {
        Source::Csv(file) => file,
        _ => panic!("not a CSV file"),
    }
}
