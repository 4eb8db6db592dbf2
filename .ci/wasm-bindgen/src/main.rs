use std::env;

use anyhow::{Context, Result, bail};
use wasm_bindgen_cli_support::Bindgen;

fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [module, name, folder] = arguments.as_slice() else { bail!("usage: wasm-bindgen-runner MODULE NAME FOLDER") };
    Bindgen::new()
        .input_path(module)
        .out_name(name)
        // So that the page can say `init()`, and its bundler sees which file that loads.
        .omit_default_module_path(false)
        .web(true)
        .and_then(|bindgen| bindgen.typescript(true).generate(folder))
        .with_context(|| format!("cannot write the glue of {module} to {folder}"))
}
