-- Commands that came to nothing are few: an index of them alone, by time.

create index twofold_command_failed on twofold_command (time_us, command_id) where status = 'failed';
