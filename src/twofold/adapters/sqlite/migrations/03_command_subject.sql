-- Who sent a command: only they may ask what became of it.

alter table twofold_command add column subject text not null default '';
