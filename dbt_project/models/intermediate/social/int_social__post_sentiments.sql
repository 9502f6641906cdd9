-- One row per public post: sentiment from -1 to 1 by the words of the lexicon, 0 where it has none of them.
--
-- (positive - negative) / (positive + negative). A negation turns the word after it, also over one small word
-- ("nicht gut", "nicht so gut", "never again").

with posts as (

    select
        post_id,
        substr(language, 1, 2) as language,
        trim({{ replace_all("lower(coalesce(text, ''))", '[^a-zäöüß]+', ' ') }}) as words
    from {{ ref('stg_social__posts') }}

),

marked as (

    select
        post_id,
        language,
        {{ replace_all(
            'words',
            '(^| )(nicht|kein|keine|keinen|keiner|keinem|nie|niemals|ohne|not|no|never|without|isnt|dont|cannot) '
            ~ '((so|sehr|ganz|wirklich|mehr|really|very|that|a|the) )?([^ ]+)',
            '\\1not:\\5'
        ) }} as words
    from posts

),

tokens as (

    select
        post_id,
        language,
        {{ each_word('words') }} as token
    from marked

),

scored as (

    select
        tokens.post_id,
        case when tokens.token like 'not:%' then -lexicon.score else lexicon.score end as score
    from tokens
    inner join {{ ref('social_lexicon') }} as lexicon
        on
            replace(tokens.token, 'not:', '') = lexicon.word
            and (tokens.language is null or tokens.language = lexicon.language)

),

totals as (

    select
        post_id,
        sum(score) as score,
        sum(abs(score)) as weight,
        count(*) as words
    from scored
    group by post_id

)

select
    posts.post_id,
    coalesce(totals.score / nullif(totals.weight, 0), 0.0) as sentiment,
    coalesce(totals.words, 0) as lexicon_words
from posts
left join totals on posts.post_id = totals.post_id
