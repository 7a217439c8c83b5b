-- Who sent a command: only they may ask what became of it.

alter table twofold.command add column subject text not null default '';
