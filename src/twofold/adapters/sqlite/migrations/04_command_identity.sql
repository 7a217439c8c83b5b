-- What a command was for: sent again, one that began something answers with the same id.

alter table twofold_command add column identity text not null default '';
