-- Commands that came to nothing are few: an index of them alone, by time.

create index concurrently command_failed on twofold.command (time_us, command_id) where status = 'failed';
