#![cfg_attr(fuzzing, no_main)]
ccs_modules_fuzz::target!(subject);
