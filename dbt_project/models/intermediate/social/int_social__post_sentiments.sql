-- One row per public post: sentiment from -1 to 1 by the words of the lexicon, 0 where it has none of them.
--
-- Each word that speaks well or badly counts with its score, stronger or weaker by the two words before it and when it
-- is shouted. A negation up to four words before it turns it, unless a mark or a conjunction lies between; so does a
-- German one up to two words after it ("gefällt mir nicht"). Turned praise is a complaint, a turned complaint ("kein
-- Problem") is faint praise. The sum is damped by the length of the post, because a long one mentions much by the way,
-- and s becomes s / sqrt(s * s + 1): more of the same adds less and less, as in VADER (Hutto & Gilbert, 2014).

{% set same_clause = 'partition by post_id, clause order by position' %}

with words as (

    select
        words.post_id,
        words.language,
        words.position,
        words.word,
        words.is_shouted,
        matches.kind,
        matches.score,
        sum(case when words.word = '.' or matches.kind = 'boundary' then 1 else 0 end) over (
            partition by words.post_id order by words.position rows between unbounded preceding and current row
        ) as clause
    from {{ ref('int_social__post_words') }} as words
    left join {{ ref('int_social__lexicon_matches') }} as matches
        on words.language = matches.language and words.word = matches.word

),

negations as (

    select
        *,
        -- "not only good": an exception lifts the negation before it.
        case
            when kind = 'negation' and coalesce(lead(kind) over ({{ same_clause }}), '') <> 'exception' then 1
            else 0
        end as is_negation,
        case when kind in ('intensifier', 'diminisher') then score else 1.0 end as factor
    from words

),

scopes as (

    select
        *,
        coalesce(lag(factor, 1) over ({{ same_clause }}), 1.0)
        * coalesce(lag(factor, 2) over ({{ same_clause }}), 1.0)
        * case when is_shouted then 1.3 else 1.0 end as strength,
        coalesce(
            sum(is_negation) over ({{ same_clause }} rows between 4 preceding and 1 preceding), 0
        ) as negations_before,
        coalesce(
            sum(is_negation) over ({{ same_clause }} rows between 1 following and 2 following), 0
        ) as negations_after
    from negations

),

scored as (

    select
        post_id,
        cast(
            score * strength
            * case
                when negations_before % 2 = 0 and (negations_after = 0 or language <> 'de' or score < 0) then 1.0
                when score > 0 then -0.8
                else -0.4
            end as decimal(18, 6)
        ) as score
    from scopes
    where kind = 'feeling'

),

lengths as (

    select
        post_id,
        count(*) as words
    from words
    where word <> '.'
    group by post_id

),

totals as (

    select
        scored.post_id,
        cast(sum(scored.score) as double) / sqrt(1.0 + max(lengths.words) / 20.0) as score,
        count(*) as lexicon_words
    from scored
    inner join lengths on scored.post_id = lengths.post_id
    group by scored.post_id

)

-- A configured model that has scored the post decides instead of the lexicon.
select
    posts.post_id,
    coalesce(
        round(models.sentiment, 6), round(totals.score / sqrt(totals.score * totals.score + 1.0), 6), 0.0
    ) as sentiment,
    coalesce(totals.lexicon_words, 0) as lexicon_words,
    coalesce(models.backend, 'lexicon') as backend
from {{ ref('stg_social__posts') }} as posts
left join totals on posts.post_id = totals.post_id
left join {{ source('ml', 'post_sentiments') }} as models on posts.post_id = models.post_id
