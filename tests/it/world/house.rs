//! A house with a configuration: files in a folder of their own, as a person would write them.

use std::path::Path;
use std::sync::Arc;

use postroom::config::{self, Config};
use tempfile::TempDir;

pub(crate) struct House {
    pub(crate) dir: TempDir,
}

impl House {
    /// With one template, `hello`, that uses the address only.
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let house = Self { dir };
        house.write("templates/hello/subject.txt", "Hello\n");
        house.write(
            "templates/hello/body.txt",
            "Hello {{email}}!\n\n.\nA dot.\n",
        );
        house
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        use std::os::unix::fs::PermissionsExt;
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        let private = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(&path, private).unwrap();
    }

    /// A list `people` of these addresses.
    pub(crate) fn people<T: AsRef<str>>(&self, addresses: &[T]) {
        let mut csv = "email\n".to_owned();
        for address in addresses {
            csv.push_str(address.as_ref());
            csv.push('\n');
        }
        self.write("people.csv", &csv);
    }

    /// Reads `text` as the configuration.
    pub(crate) fn config(&self, text: &str) -> Arc<Config> {
        self.write("postroom.toml", text);
        match config::load(&self.path().join("postroom.toml")) {
            Ok(loaded) => Arc::new(loaded.config),
            Err(problems) => panic!("{problems}"),
        }
    }
}
