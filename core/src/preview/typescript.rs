//! Writes the page's types of questions and answers, `web/src/rules/preview.ts`, from the types of this crate.
//!
//! `make types` writes the file; without `UPDATE_EXPECTED` the test only compares.

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
};

use ts_rs::{Config, TS, TypeVisitor};

use crate::{
    calendar::Months,
    identifier::{Kind, UnifiedId},
    money::Currency,
    policy::document::Policy,
    purchases::spend::Spend,
    time::Timestamp,
};

use super::{answer::ErrorAnswer, profile_view::ProfileViewFields, *};

/// Types that serialize as one value.
macro_rules! scalars {
    ($($scalar:ty => $typescript:literal),+ $(,)?) => {
        $(impl TS for $scalar {
            type WithoutGenerics = Self;
            type OptionInnerType = Self;

            fn name(_: &Config) -> String {
                $typescript.to_owned()
            }

            fn inline(_: &Config) -> String {
                $typescript.to_owned()
            }
        })+
    };
}

scalars! {
    Currency => "string",
    Kind => "string",
    Months => "number",
    Timestamp => "string",
    UnifiedId => "string",
}

/// A view of a profile is written as its fields are.
impl TS for ProfileView {
    type WithoutGenerics = Self;
    type OptionInnerType = Self;

    fn name(config: &Config) -> String {
        ProfileViewFields::name(config)
    }

    fn inline(config: &Config) -> String {
        ProfileViewFields::inline(config)
    }

    fn decl(config: &Config) -> String {
        ProfileViewFields::decl(config)
    }

    fn output_path() -> Option<PathBuf> {
        ProfileViewFields::output_path()
    }

    fn visit_dependencies(visitor: &mut impl TypeVisitor) {
        ProfileViewFields::visit_dependencies(visitor);
    }
}

/// The declarations of types and of all types that they name.
struct Declarations {
    config: Config,
    by_name: BTreeMap<String, String>,
}

impl TypeVisitor for Declarations {
    fn visit<T: TS + 'static + ?Sized>(&mut self) {
        // Only declared types have a file; lists, options and scalars are written inline.
        if T::output_path().is_none() {
            return;
        }
        let name = T::ident(&self.config);
        if self.by_name.contains_key(&name) {
            return;
        }
        let declaration = without_comments(&T::decl(&self.config));
        self.by_name.insert(name, format!("export {declaration}\n"));
        T::visit_dependencies(self);
    }
}

/// A declaration on one line. The meanings of fields are in core's comments only, so that their wording changes no other file.
fn without_comments(declaration: &str) -> String {
    let is_comment = |line: &&str| {
        let line = line.trim_start();
        line.starts_with("/**") || line.starts_with('*')
    };
    declaration.lines().filter(|line| !is_comment(line)).map(str::trim).collect::<Vec<_>>().join(" ")
}

/// The questions that facts answer, by the name of the module's export.
struct Questions {
    declarations: Declarations,
    entries: String,
}

impl Questions {
    fn add<Q: Params + TS + 'static, A: TS + 'static>(
        &mut self,
        name: &str,
        _: fn(&CheckedFacts, &Q) -> Result<A, PreviewError>,
    ) {
        self.declarations.visit::<Q>();
        self.declarations.visit::<A>();
        let config = &self.declarations.config;
        self.entries += &format!("  {name}: {{ question: {}; answer: {} }};\n", Q::name(config), A::name(config));
    }
}

fn typescript() -> String {
    let config = Config::new().with_large_int("number");
    let declarations = Declarations { config, by_name: BTreeMap::new() };
    let mut questions = Questions { declarations, entries: String::new() };
    questions.add::<ProfileParams, ProfileView>("profile", CheckedFacts::profile);
    questions.add::<ProfileParams, AsOfView>("profileAsOf", CheckedFacts::profile_as_of);
    questions.add::<MergeParams, MergePreview>("mergePreview", CheckedFacts::merge_preview);
    questions.add::<UnmergeParams, UnmergePreview>("unmergePreview", CheckedFacts::unmerge_preview);
    questions.add::<RankingParams, RankingPreview>("rankingPreview", CheckedFacts::ranking_preview);
    questions.add::<SpendParams, Spend>("spend", CheckedFacts::spend);
    questions.add::<PolicyParams, PolicyPreview>("policyPreview", CheckedFacts::policy_preview);
    questions.add::<ExplainParams, ExplanationView>("explain", CheckedFacts::explain);
    let Questions { mut declarations, entries } = questions;
    declarations.visit::<Contents>();
    declarations.visit::<NormalForm>();
    declarations.visit::<Policy>();
    declarations.visit::<PolicyCheck>();
    declarations.visit::<ErrorAnswer<'static>>();
    let types: Vec<String> = declarations.by_name.into_values().collect();
    format!(
        "// Written by `make types` from the types of core; a test compares them.\n\
         import type {{ Platform, WithheldReason }} from \"../graphql/generated/graphql\";\n\n\
         /** An exact decimal number. */\n\
         export type Decimal = `${{number}}`;\n\n\
         /** What can be asked of facts, by the name of the module's export. */\n\
         export type Questions = {{\n{entries}}};\n\n\
         {}",
        types.join("\n")
    )
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a test that compares a committed file")]
fn the_types_of_the_page_are_those_of_core() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../web/src/rules/preview.ts");
    let types = typescript();
    if env::var_os("UPDATE_EXPECTED").is_some() {
        fs::write(&path, &types).expect("the page's folder is writable");
    }
    let committed = fs::read_to_string(path).expect("the types are committed");
    assert_eq!(committed, types, "run `make types`");
}
