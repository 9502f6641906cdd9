-- Free text without what names a person: e-mail addresses, telephone and account numbers, @handles and profile pages.
--
-- Erring towards removal: a price list may lose a number, nobody's telephone number stays. RE2 has no look-around, so
-- the character before a match is captured and put back; `\n` and the like are two characters inside JSON texts.

create macro scrub_email(x) as (
    case
        when regexp_matches(x, '[@＠﹫]|%40|\\u0040|&#(64|x40);|&commat;|[(\[{]\s*(?i:at|ät)\s*[)\]}]')
            then regexp_replace(
                x,
                '[^\s@＠﹫<>"''(),;:=&?/\[\]{}\\]+'
                || '(?:[@＠﹫]|%40|\\u0040|&#(?:64|x40);|&commat;|\s*[(\[{]\s*(?i:at|ät)\s*[)\]}]\s*)'
                || '[\pL\d-]+(?:(?:\.|\s*[(\[{]\s*(?i:dot|punkt)\s*[)\]}]\s*)[\pL\d-]+)*',
                '[e-mail]', 'g'
            )
        else x
    end
);

-- Local (@name) and federated (@name@server) handles, Bluesky names without an @, permanent ids.
create macro scrub_handle(x) as (
    case
        when regexp_matches(x, '[@＠﹫]|%40|(?i:\.bsky\.social|did:(plc|web):)')
            then regexp_replace(
                regexp_replace(
                    regexp_replace(x, '(?i:[@＠﹫]?[\pL\d-]+\.bsky\.social|did:(?:plc|web):[\w.%:-]+)', '[handle]', 'g'),
                    '([@＠﹫]|%40)[\pL\d_]+(?:[.-][\pL\d_]+)*([@＠﹫]|%40)[\pL\d]+(?:[.-][\pL\d]+)*', '[handle]', 'g'
                ),
                '(^|[^\pL\d.+_-]|\\[nrtbf])(?:[@＠﹫]|%40)[\pL\d_]+(?:[.-][\pL\d_]+)*', '\1[handle]', 'g'
            )
        else x
    end
);

-- The part of a page's address that names its owner.
create macro scrub_profile(x) as (
    regexp_replace(
        x,
        '((?i:\b(?:facebook|instagram|threads|tiktok|twitter|x|linkedin|xing|youtube|bsky|t|wa|pinterest)'
        || '\.(?:com|de|net|app|me)/(?:(?:in|pub|company|profile|people|user|users|c|channel|groups)/)?'
        || '|/users/))[^\s/?#"''<>)\\]+',
        '\1[handle]', 'g'
    )
);

create macro scrub_iban(x) as (
    regexp_replace(
        x, '\b(?:(?i:de)\d{2}(?:[ -]?\d){18}|(?i:at)\d{2}(?:[ -]?\d){16}|[A-Z]{2}\d{2}(?:[ -]?[A-Z\d]{4}){2,7}[ -]?[A-Z\d]{1,4})\b'
        || '|\b\d{4}[ -]\d{4}[ -]\d{4}[ -]\d{4}\b', '[account]', 'g'
    )
);

-- With a country code, after a word that announces it, or an area code with its 0; German spellings with brackets,
-- slashes, dots, dashes and spaces, also percent-encoded. Dates, times, prices and postal codes are shorter or stop
-- at a colon or comma; a date's day is followed by its dot at once.
create macro scrub_phone(x) as (
    regexp_replace(regexp_replace(regexp_replace(
        x,
        '(?:\+|%2B|(^|[^\pL\d]|\\[nrtbf])00)(?:[\s\x{A0}\x{2009}\x{202F}()/.\-–—]|%20|%28|%29|%2F)*'
        || '\d(?:(?:[\s\x{A0}\x{2009}\x{202F}()/.\-–—]|%20|%28|%29|%2F)*\d){6,}', '\1[phone]', 'g'
    ),
        '((?i:tel|telefon|telephone|fon|phone|mobil|mobile|mobilnummer|handy|handynummer|fax|telefax|whatsapp|hotline'
        || '|call|callto|wa\.me/|rufnummer|telefonnummer|durchwahl|☎|📞|📱)'
        || '(?:[\s.:=/#\-–_]|%20|%3A|(?i:nr|nummer|unter|number|at|is|ist))*)'
        || '[(]?\d(?:(?:[\s\x{A0}\x{2009}\x{202F}()/.\-–—]|%20|%28|%29|%2F)*\d){4,}', '\1[phone]', 'g'
    ),
        '(^|[^\pL\d]|\\[nrtbf])(?:[(]?0[ ]?\d{2,5}|(?:49|43|41)[\s/(0)-]*1[5-7]\d)[)]?'
        || '(?:[\s\x{A0}\x{2009}\x{202F}/.\-–—]|%20|%2F)*'
        || '\d(?:(?:[\s\x{A0}\x{2009}\x{202F}/.\-–—]|%20|%2F)*\d){4,}', '\1[phone]', 'g'
    )
);

create macro scrub_text(x) as (
    scrub_phone(scrub_iban(scrub_handle(scrub_email(scrub_handle(scrub_profile(x))))))
);

-- The address of a public post: its digits number the post and are no telephone.
create macro scrub_post_url(x) as (scrub_handle(scrub_email(scrub_handle(scrub_profile(x)))));
