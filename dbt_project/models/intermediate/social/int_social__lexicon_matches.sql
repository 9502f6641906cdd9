-- One row per language and word that posts use and the lexicon knows: the entry that fits it best.
--
-- A star in the lexicon stands for any letters: "enttäusch*" also finds "Enttäuschungen", "*chaos" finds the end of a
-- compound. Exact entries come before patterns, long patterns before short ones. A post whose language is unknown
-- is read with both lexicons, one in a language without a lexicon only with the emoji.

with vocabulary as (

    select distinct
        language,
        word
    from {{ ref('int_social__post_words') }}
    where word <> '.'

),

lexicon as (

    select
        language,
        word as entry,
        kind,
        score,
        replace(word, '*', '%') as pattern,
        -- Most patterns begin with letters: looked up by the first three, a word is compared with a few of them.
        case when word like '*%' then '*' when word like '%*' then substr(word, 1, 3) else '' end as beginning
    from {{ ref('social_lexicon') }}

),

words as (

    select
        language,
        word,
        word as entry,
        '' as beginning
    from vocabulary

    union all

    select
        language,
        word,
        cast(null as {{ dbt.type_string() }}) as entry,
        substr(word, 1, 3) as beginning
    from vocabulary

    union all

    select
        language,
        word,
        cast(null as {{ dbt.type_string() }}) as entry,
        '*' as beginning
    from vocabulary

)

select
    words.language,
    words.word,
    lexicon.kind,
    lexicon.score
from words
inner join lexicon
    on
        words.beginning = lexicon.beginning
        and coalesce(words.entry, lexicon.entry) = lexicon.entry
        and words.word like lexicon.pattern
        and (lexicon.language in (words.language, 'any') or words.language = 'unknown')
qualify
    row_number() over (
        partition by words.language, words.word
        order by
            case when words.beginning = '' then 0 else 1 end asc,
            length(lexicon.entry) desc,
            lexicon.language asc,
            lexicon.entry asc
    ) = 1
